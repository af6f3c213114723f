"""A whole method in one script: every pixel gets a quarter of blue. Run as `python tint.py CASE OUT`."""

import json
import sys
from pathlib import Path

import av
import numpy as np


def main(case: Path, out: Path) -> None:
    words = json.loads((case / "case.json").read_text(encoding="utf-8"))
    print("asked for:", words["instruction"])  # kept, and quoted where the program fails
    with av.open(str(case / "source.mp4")) as clip:
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    with av.open(str(out / "edit.mp4"), "w") as clip:
        stream = clip.add_stream("libx264", rate=8, options={"crf": "6"})
        stream.width, stream.height, stream.pix_fmt = words["width"], words["height"], "yuv444p"
        for frame in frames:
            tinted = np.uint8(0.75 * frame + 0.25 * np.array([0, 0, 255]))
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(tinted, format="rgb24")))
        clip.mux(stream.encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
