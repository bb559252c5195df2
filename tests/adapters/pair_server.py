"""A service on loopback that judges pairs, in Cohere's form and in that of Text Embeddings
Inference.
"""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def share(*texts):
    return hashlib.sha256("\0".join(texts).encode()).digest()[0] / 255


def answered(path, body):
    if path == "/rerank" and "documents" in body:
        pairs = [(share(body["query"], text), n) for n, text in enumerate(body["documents"])]
        best = sorted(pairs, reverse=True)[: body["top_n"]]
        return {"results": [{"index": n, "relevance_score": score} for score, n in best]}
    if path == "/rerank":
        pairs = [(share(body["query"], text), n) for n, text in enumerate(body["texts"])]
        return [{"index": n, "score": score} for score, n in sorted(pairs, reverse=True)]
    found = [share(*pair) for pair in body["inputs"]]
    return [
        [{"label": "neutral", "score": 1 - one}, {"label": "ENTAILMENT", "score": one}]
        for one in found
    ]


class PairServer:
    def __init__(self):
        self.asked = []
        self.instead = None
        self.status = 200


@contextmanager
def pair_server():
    """A `PairServer` with its `url`; what `instead` holds is answered in place of a judgement."""
    state = PairServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append((self.path, body, dict(self.headers)))
            found = answered(self.path, body) if state.instead is None else state.instead
            raw = json.dumps(found).encode()
            self.send_response(state.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
