"""Words of the test-set browser."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The test-set page's words."""

    tagline: str
    any: str
    tag: str
    search: str
    search_hint: str
    found: str
    nothing: str
    case: str
    instruction: str
    clip: str
    mix: str
    edits: str
    clips: str
    size: str
    size_value: str
    content: str
    licence: str
    cite: str
    cite_note: str
    to_results: str
    records: str


WORDS = {
    "en": Words(
        tagline="Every edit of the test set with its source, its exact target and its mask.",
        any="Any",
        tag="Tag",
        search="Search",
        search_hint="Words of the instruction, the prompts or the id",
        found="{n} of {of} edits, from {clips} source clips",
        nothing="No edit has all of this. Clear a filter or the search.",
        case="Case",
        instruction="Instruction",
        clip="Source clip",
        mix="Edits by scenario",
        edits="Edits",
        clips="Source clips",
        size="Size",
        size_value="{width} × {height}, {frames} frames, {fps} fps",
        content="Content (sha256)",
        licence="Licence",
        cite="How to cite",
        cite_note="Name the version, the split and the protocol's signature beside every figure.",
        to_results="Results on this case",
        records="Download these records, JSON lines",
    ),
    "zh": Words(
        tagline="测试集里的每个编辑：源视频、精确的目标视频和掩码。",
        any="不限",
        tag="标签",
        search="搜索",
        search_hint="指令、描述或编号中的词",
        found="{of} 个编辑中的 {n} 个，来自 {clips} 段源视频",
        nothing="没有满足全部条件的编辑。请去掉一个筛选条件或搜索词。",
        case="案例",
        instruction="指令",
        clip="源视频",
        mix="各场景的编辑数",
        edits="编辑",
        clips="源视频",
        size="规格",
        size_value="{width} × {height}，{frames} 帧，{fps} 帧/秒",
        content="内容 (sha256)",
        licence="许可",
        cite="如何引用",
        cite_note="引用任何数字时，请同时写明版本、划分和协议签名。",
        to_results="该案例的结果",
        records="下载这些记录 (JSON lines)",
    ),
}
