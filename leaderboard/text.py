"""Every string of the board, in one place: a language is one more instance of `Text`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """The board's words in one language. Fields with braces are templates for `str.format`."""

    product: str
    tagline: str
    ranking: str
    cases: str

    board: str
    split: str
    scenario: str
    all_scenarios: str
    more_columns: str
    more_columns_hint: str
    scenarios: dict[str, str]

    count: str
    never_mixed: str
    track_heading: dict[str, str]
    track_note: dict[str, str]
    no_methods: str
    controls: str
    controls_note: str
    how_to_read: str
    how_to_read_body: str

    rank: str
    method: str
    score: str
    axes: dict[str, str]
    axes_help: dict[str, str]
    seconds: str
    nfe: str
    memory: str
    failed: str
    rank_help: str
    score_help: str
    seconds_help: str
    nfe_help: str
    memory_help: str
    failed_help: str
    cell_help: str
    partly_scored: str
    incomplete: str
    incomplete_rank: str
    one_clip: str

    download: str
    table_csv: str
    edits_csv: str
    edits_json: str
    link: str
    link_note: str

    sort_by: str
    sort_help: str
    beside: str
    beside_hint: str
    case: str
    previous: str
    next: str
    position: str
    source: str
    target: str
    no_clip: str
    edit_failed: str
    not_run: str
    instruction: str
    source_prompt: str
    target_prompt: str
    changes: str
    keeps: str
    details: str
    tags: str
    values: str
    values_note: str
    metric: str
    better: dict[str, str]
    anchors: str
    anchors_help: str
    unscored: str
    families: dict[str, str]
    preparing: str

    player: dict[str, str]

    empty_title: str
    empty_body: str
    missing_title: str
    missing_body: str
    broken_title: str
    no_results_title: str
    no_results_body: str


EN = Text(
    product="ShopEdit-Bench",
    tagline="How well does a method make exactly the asked edit of a product clip, and leave the rest alone?",
    ranking="Ranking",
    cases="Cases",
    board="Test set and protocol",
    split="Split",
    scenario="Scenario",
    all_scenarios="All scenarios",
    more_columns="More columns",
    more_columns_hint="Any metric of the protocol",
    scenarios={
        "product": "Product",
        "background": "Background",
        "color": "Colour",
        "material": "Material",
        "style": "Style",
        "add": "Add",
        "remove": "Remove",
    },
    count="Edits: {cases}. Source clips: {clips}. A method's name leads to its cases, worst first.",
    never_mixed="Scores of other test sets, versions or protocols are never on the same board.",
    track_heading={"text": "Text track", "first-frame": "First-frame track", "mask": "Mask track"},
    track_note={
        "text": "Methods see the source clip and the words, nothing else.",
        "first-frame": "Methods also see the edited first frame. Not comparable with other tracks.",
        "mask": "Methods also see where the edit is. Not comparable with other tracks.",
    },
    no_methods="Only controls have been run on this selection. Add a method:",
    controls="Controls",
    controls_note="Fixed points of the scale, never ranked: what doing nothing, freezing or the truth gets.",
    how_to_read="How to read this",
    how_to_read_body=(
        "The score of an edit is 100 × accuracyᵃ × preservationᵇ × temporalᶜ with the exponents of the protocol. "
        "Each axis lies between what a fixed control gets (0) and what the ground truth gets (1), so the untouched "
        "source and a frozen frame get 0 and the ground truth gets 100. Figures are means over scenarios. "
        "The bar shows the 95 % interval: source clips are resampled, because edits of one clip succeed and fail "
        "together. Ranks are sets: methods that a paired test cannot tell apart share them. "
        "An edit that could not be made counts 0."
    ),
    rank="Rank",
    method="Method",
    score="Score",
    axes={"accuracy": "Accuracy", "preservation": "Preservation", "temporal": "Temporal"},
    axes_help={
        "accuracy": "Was the asked edit made, inside the mask? 0 is the untouched source, 1 the ground truth.",
        "preservation": "Was the rest left alone? 0 is another clip, 1 the ground truth.",
        "temporal": "Does it move as it should, without flicker? 0 is a frozen frame, 1 the ground truth.",
    },
    seconds="s / edit",
    nfe="NFE",
    memory="Peak memory",
    failed="Failed",
    rank_help="The ranks a method may hold, from paired tests with Holm correction (5 %).",
    score_help="0 to 100, macro-averaged over scenarios.",
    seconds_help="Mean wall time of an edit, without loading the model. Depends on the machine.",
    nfe_help="Transformer forwards of batch 1 per edit, counted.",
    memory_help="Largest of all edits.",
    failed_help="Edits that could not be made; each counts 0.",
    cell_help="{mean}, 95 % interval {low} to {high}, {n} edits of {groups} clips",
    partly_scored="{n} of {of} scored",
    incomplete="{n} of {of} cases",
    incomplete_rank="Not ranked: it was run on a part of these cases only.",
    one_clip="one clip: no interval",
    download="Download",
    table_csv="This table, CSV",
    edits_csv="Every edit, CSV",
    edits_json="Every edit, JSON",
    link="Link to this view",
    link_note="Opens the board with these choices.",
    sort_by="Worst first by",
    sort_help="Cases are in rising order of this value of the first method.",
    beside="Methods",
    beside_hint="Up to four, side by side",
    case="Case",
    previous="Previous case",
    next="Next case",
    position="Case {n} of {of}",
    source="Source",
    target="Target",
    no_clip="This clip is not on this machine: {reason}",
    edit_failed="No edit: {reason}",
    not_run="This method has not been run on this case.",
    instruction="Instruction",
    source_prompt="Source prompt",
    target_prompt="Target prompt",
    changes="Changes",
    keeps="Stays",
    details="Case",
    tags="Tags",
    values="All values of this case",
    values_note="The anchors are what the fixed control and the ground truth get on this very case.",
    metric="Metric",
    better={"higher": "higher is better", "lower": "lower is better"},
    anchors="Anchors",
    anchors_help="Control → ground truth; only metrics of the headline score have them.",
    unscored="unscored: {reason}",
    families={
        "score": "Score",
        "accuracy": "Edit accuracy",
        "structure": "Structure",
        "semantics": "Semantics",
        "temporal": "Temporal",
        "ground-truth": "Against the ground truth",
        "distribution": "Distribution",
        "cost": "Cost",
    },
    preparing="Preparing clips",
    player={
        "play": "Play",
        "pause": "Pause",
        "back": "One frame back",
        "forward": "One frame forward",
        "scrub": "Frame",
        "speed": "Speed",
        "show": "Show",
        "clip": "Clip",
        "to_source": "Difference to source",
        "to_target": "Difference to target",
        "mask": "Dim what must stay",
        "size": "Size",
        "fit": "Fit",
        "frame": "frame",
        "hint": "Keys: space plays, arrows step.",
    },
    empty_title="No results yet",
    empty_body="This store holds no run. Make one, then come back; the page reads the store on every visit.",
    missing_title="There is no store here yet",
    missing_body="Make a run to start one, or name another folder with --home or $BENCH_HOME.",
    broken_title="The store cannot be read",
    no_results_title="Nothing to show",
    no_results_body="No edit of this board matches the filters. Choose another split or scenario.",
)
