"""Words of the page where results are handed in, and of the states that a submission goes through."""

from __future__ import annotations

from dataclasses import dataclass

from submissions.states import STATES


@dataclass(frozen=True, slots=True)
class Words:
    """The submit page's words."""

    tagline: str
    how: str
    prepare: str
    upload: str
    upload_help: str
    button: str
    reading: str
    quota: str
    frees: str
    refused: str
    refused_note: str
    taken: str
    waits: str
    mine: str
    none: str
    submission: str
    state: str
    since: str
    until: str
    testset: str
    clips: str
    until_when: str
    why: str
    history: str
    at: str
    step: str
    by: str
    withdraw: str
    withdraw_why: str
    file: str
    rule: str
    found: str
    limit: str
    remedy: str
    states_title: str
    states: dict[str, str]
    meanings: dict[str, str]
    moves: dict[str, str]
    roles: dict[str, str]


WORDS = {
    "en": Words(
        tagline="Hand in a folder of results: they are checked, scored here, looked at by a person, and then on the board.",
        how="Write the template, put one clip per case into it, check it offline, pack it, upload the zip.",
        prepare="bench submit new my-results\nbench submit check my-results\nbench submit pack my-results",
        upload="Packed submission (zip)",
        upload_help="Up to {limit} here; larger ones go by `bench submit add`.",
        button="Check and submit",
        reading="Reading clips: {done} of {of}",
        quota="{used} of {limit} submissions scored within a week. A refused upload costs none.",
        frees="The next place is free after {at}.",
        refused="Refused: {n} problems. Nothing was charged.",
        refused_note="Mend all of them and upload again; bench submit check finds the same ones offline.",
        taken="Taken in as {id}. It is scored by bench submit work and then waits for review.",
        waits="Taken in as {id}. It is complete, and waits until there is room in your quota.",
        mine="Your submissions",
        none="You have not submitted anything yet.",
        submission="Submission",
        state="State",
        since="Since",
        until="Until",
        testset="Test set",
        clips="{n} clips",
        until_when="until {at}",
        why="Reason",
        history="What happened",
        at="When",
        step="Step",
        by="By",
        withdraw="Withdraw",
        withdraw_why="Why, if you like",
        file="File",
        rule="Rule",
        found="Found",
        limit="Limit",
        remedy="What to do",
        states_title="What the states mean",
        states={
            "draft": "draft",
            "uploaded": "uploaded",
            "unpacked": "unpacked",
            "probed": "read",
            "checked": "checked",
            "queued": "queued",
            "scoring": "being scored",
            "scored": "scored",
            "in-review": "in review",
            "accepted": "accepted",
            "rejected": "rejected",
            "failed": "failed",
            "withdrawn": "withdrawn",
            "superseded": "superseded",
        },
        meanings={name: stage.meaning for name, stage in STATES.items()},
        moves={
            "register": "registered",
            "receive": "received",
            "unpack": "unpacked",
            "probe": "clips read",
            "check": "checked",
            "refuse": "refused",
            "queue": "queued",
            "start": "scoring began",
            "requeue": "back in the queue",
            "score": "scored",
            "give-up": "given up",
            "present": "shown to reviewers",
            "accept": "accepted",
            "reject": "rejected",
            "supersede": "superseded",
            "withdraw": "withdrawn",
            "cancel": "withdrawn",
            "expire": "deadline passed",
        },
        roles={"system": "the program", "submitter": "submitter", "moderator": "moderator"},
    ),
    "zh": Words(
        tagline="提交一个结果文件夹：先检查，再在这里评分，由人审核，然后上榜。",
        how="生成模板，每个案例放入一段视频，离线检查，打包，上传 zip。",
        prepare="bench submit new my-results\nbench submit check my-results\nbench submit pack my-results",
        upload="打包好的提交 (zip)",
        upload_help="此处上限 {limit}；更大的请用 `bench submit add`。",
        button="检查并提交",
        reading="正在读取视频：{done} / {of}",
        quota="一周内已评分 {used} 次，上限 {limit} 次。被拒的上传不计入。",
        frees="下一个名额将在 {at} 之后空出。",
        refused="被拒：{n} 个问题。没有扣除名额。",
        refused_note="请全部修正后重新上传；bench submit check 可离线找出同样的问题。",
        taken="已接收，编号 {id}。由 bench submit work 评分，之后等待审核。",
        waits="已接收，编号 {id}。内容完整，等你的名额有空位后排队。",
        mine="你的提交",
        none="你还没有提交过。",
        submission="提交",
        state="状态",
        since="始于",
        until="截止",
        testset="测试集",
        clips="{n} 段视频",
        until_when="截止 {at}",
        why="原因",
        history="经过",
        at="时间",
        step="步骤",
        by="执行者",
        withdraw="撤回",
        withdraw_why="原因（选填）",
        file="文件",
        rule="规则",
        found="实际",
        limit="限制",
        remedy="如何修正",
        states_title="各状态的含义",
        states={
            "draft": "草稿",
            "uploaded": "已上传",
            "unpacked": "已解包",
            "probed": "已读取",
            "checked": "已检查",
            "queued": "排队中",
            "scoring": "评分中",
            "scored": "已评分",
            "in-review": "审核中",
            "accepted": "已接受",
            "rejected": "已拒绝",
            "failed": "失败",
            "withdrawn": "已撤回",
            "superseded": "已被取代",
        },
        meanings={
            "draft": "已分配编号，数据正在传入",
            "uploaded": "全部数据已进入隔离区",
            "unpacked": "压缩包已规划，文件已写出",
            "probed": "每段视频都由受限进程读过",
            "checked": "没有违反规则；等待提交者的名额",
            "queued": "已计入名额；等待评分进程",
            "scoring": "某个评分进程正在处理",
            "scored": "分数已保存，尚未公开",
            "in-review": "审核者正在查看视频、分数和疑点",
            "accepted": "已上榜",
            "rejected": "被审核者拒绝，附有原因",
            "failed": "违反规则、无法评分或超过期限",
            "withdrawn": "由提交者撤回",
            "superseded": "被同一团队同一方法的后续提交取代",
        },
        moves={
            "register": "登记",
            "receive": "接收",
            "unpack": "解包",
            "probe": "读取视频",
            "check": "检查",
            "refuse": "拒收",
            "queue": "排队",
            "start": "开始评分",
            "requeue": "重新排队",
            "score": "评分",
            "give-up": "放弃评分",
            "present": "交付审核",
            "accept": "接受",
            "reject": "拒绝",
            "supersede": "被取代",
            "withdraw": "撤回",
            "cancel": "撤回",
            "expire": "超过期限",
        },
        roles={"system": "程序", "submitter": "提交者", "moderator": "审核者"},
    ),
}
