"""The same method as a server, for models that are slow to load. Run as `python serve.py PORT`."""

import io
import sys
import tempfile
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import tint  # load the model here: once


class Edit(BaseHTTPRequestHandler):
    """A POST brings the case folder as a zip and takes the clip back."""

    def do_POST(self) -> None:
        case = zipfile.ZipFile(io.BytesIO(self.rfile.read(int(self.headers["Content-Length"]))))
        with tempfile.TemporaryDirectory() as folder:
            case.extractall(Path(folder) / "case")
            tint.main(Path(folder) / "case", Path(folder))
            clip = (Path(folder) / "edit.mp4").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(len(clip)))
        self.end_headers()
        self.wfile.write(clip)


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Edit).serve_forever()
