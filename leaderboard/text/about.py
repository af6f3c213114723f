"""Words of the page on the project, citing, privacy and retention."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The about page's words. `what`, `score` and `privacy` are Markdown of our own."""

    what: str
    score_title: str
    score: str
    cite: str
    cite_note: str
    licence_title: str
    licence: str
    privacy_title: str
    privacy: str
    forget: str
    access_title: str
    access_local: str
    access_oidc: str
    access_none: str
    sign_in_why: str
    sign_in: str
    sign_out: str
    not_moderator: str
    store_title: str
    boards: str
    runs: str
    version: str
    signature: str
    newest: str


WORDS = {
    "en": Words(
        what=(
            "ShopEdit-Bench asks one question of a video-editing method: given a product clip and an instruction (swap the "
            "product, change its colour or material, replace the background, restyle, add or remove a prop), does it make "
            "**exactly that edit**, leave the rest alone, and at what cost?\n\n"
            "Every edit of the test set has its exact target clip and its exact mask, because the clips are rendered. "
            "Scores of different test sets, versions or protocols are never compared, averaged or ranked together."
        ),
        score_title="The score",
        score=(
            "Per edit, `100 × accuracyᵃ × preservationᵇ × temporalᶜ`. Each metric is placed between what a fixed control "
            "gets on the same case (0) and what the ground truth gets (1): for accuracy the control is the untouched "
            "source, for preservation another clip, for temporal a frozen frame. So doing nothing and freezing score 0, "
            "and the ground truth scores 100. Figures are means over scenarios. Intervals resample source clips, ranks "
            "are sets from paired tests with Holm correction. Weights are fixed on the development split, and "
            "`bench score explain` takes any single score apart."
        ),
        cite="How to cite",
        cite_note="Cite the software and the test set, and give version, split and signature beside every figure.",
        licence_title="Licences",
        licence="Code: Apache-2.0. Test set: CC-BY-4.0. Submitted clips keep the licence that their authors state.",
        privacy_title="Privacy and retention",
        privacy=(
            "- **Reading** stores nothing about you. The language is in the address; there are no cookies of ours, no "
            "trackers, and no page loads anything from another server.\n"
            "- **Voting** stores a keyed hash of the account, a random pseudonym, the date of the first ballot, and per "
            "ballot its pair, sides, answers and times. No name, e-mail or network address. Exports carry pseudonyms only. "
            "Answers are kept as long as their study is published.\n"
            "- **Submitting** stores a keyed hash of the account and what the manifest says: team, contact, paper, code, "
            "licence. The contact is shown to reviewers and never published. Files of a withdrawn upload are deleted at "
            "once, of a failed one after 7 days, of a rejected or superseded one after 30. The statement and the log of "
            "moves, which names no person, stay.\n"
            "- **Deletion.** A submission is taken back on the page of submissions. A voter is deleted with every answer by:"
        ),
        forget="bench votes forget VOTER",
        access_title="Sign-in",
        access_local="This board runs for one person on this machine. Whoever opens it may review and vote.",
        access_oidc="Reviewers sign in with the provider that this board is configured for.",
        access_none=(
            "This board is open to other machines and has no sign-in configured, so it can only be read. Run bench board "
            "without --host to submit, vote or review alone, or configure sign-in (docs/board.md)."
        ),
        sign_in_why="Sign in to go on: one account is one submitter and one voter.",
        sign_in="Sign in",
        sign_out="Sign out",
        not_moderator="This account is no moderator's. Moderators are named in $BENCH_MODERATORS.",
        store_title="This board",
        boards="Boards",
        runs="Runs",
        version="Version",
        signature="Signature",
        newest="Newest run",
    ),
    "zh": Words(
        what=(
            "ShopEdit-Bench 只问视频编辑方法一个问题：给定一段商品视频和一条指令（换商品、改颜色或材质、换背景、改风格、"
            "添加或移除道具），它能否**恰好完成这一编辑**，不动其余部分，开销又是多少？\n\n"
            "视频由渲染得到，所以每个编辑都有精确的目标视频和精确的掩码。"
            "不同测试集、版本或协议的分数从不相互比较、平均或排名。"
        ),
        score_title="总分",
        score=(
            "每个编辑为 `100 × 准确ᵃ × 保持ᵇ × 时序ᶜ`。每个指标都放在同一案例上固定对照项的得分（0）和真值的得分（1）之间："
            "准确轴的对照是原样的源视频，保持轴是另一段视频，时序轴是冻结画面。因此什么都不做或冻结画面得 0 分，真值得 100 分。"
            "各数值对场景取平均；区间按源视频重采样；名次是配对检验并经 Holm 校正后的区间。"
            "权重在开发划分上确定，`bench score explain` 可以拆解任何一个分数。"
        ),
        cite="如何引用",
        cite_note="请同时引用软件和测试集，并在每个数字旁写明版本、划分和签名。",
        licence_title="许可",
        licence="代码：Apache-2.0。测试集：CC-BY-4.0。提交的视频保留作者所声明的许可。",
        privacy_title="隐私与保留期限",
        privacy=(
            "- **浏览**不保存任何关于你的信息。语言写在地址里；我们不设 cookie、没有跟踪器，任何页面都不从别的服务器加载内容。\n"
            "- **投票**保存账号的带密钥哈希、一个随机化名、首次投票日期，以及每张选票的配对、左右位置、回答和用时。"
            "不保存姓名、邮箱或网络地址。导出的数据只含化名。回答在研究公开期间一直保留。\n"
            "- **提交**保存账号的带密钥哈希和清单中的内容：团队、联系方式、论文、代码、许可。联系方式只给审核者看，从不公开。"
            "撤回的上传立即删除文件，失败的 7 天后删除，被拒或被取代的 30 天后删除。声明和不含个人姓名的日志保留。\n"
            "- **删除。** 提交可在提交页撤回。下面的命令删除一位投票者及其全部回答："
        ),
        forget="bench votes forget VOTER",
        access_title="登录",
        access_local="这个榜单在本机供一个人使用：打开它的人可以审核和投票。",
        access_oidc="审核者用本榜单配置的身份提供方登录。",
        access_none=(
            "这个榜单对其他机器开放，但没有配置登录，因此只能浏览。要独自提交、投票或审核，请不带 --host 运行 bench board；"
            "也可以配置登录（见 docs/board.md）。"
        ),
        sign_in_why="请先登录：一个账号对应一位提交者和一位投票者。",
        sign_in="登录",
        sign_out="退出登录",
        not_moderator="这个账号不是审核者。审核者由 $BENCH_MODERATORS 指定。",
        store_title="当前榜单",
        boards="榜单",
        runs="运行",
        version="版本",
        signature="签名",
        newest="最近一次运行",
    ),
}
