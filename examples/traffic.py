"""Send predictions under many users' keys until told to stop: python examples/traffic.py wine 30

Arguments: name of the model, seconds to send. The port is that of seatrial, 8080 by default.
"""

import collections
import json
import os
import sys
import threading
import time
from http.client import HTTPConnection

from sklearn.datasets import load_wine

model, seconds = sys.argv[1], float(sys.argv[2])
port = int(os.environ.get("SEATRIAL_SERVER__PORT", "8080"))
rows = load_wine(as_frame=True).data.to_dict("records")
answers: collections.Counter[str] = collections.Counter()
end = time.monotonic() + seconds


def send(first: int) -> None:
    connection = HTTPConnection("127.0.0.1", port)
    n = first
    while time.monotonic() < end:
        body = json.dumps({"instances": [rows[n % len(rows)]]})
        headers = {"content-type": "application/json", "x-seatrial-key": f"user-{n % 997}"}
        connection.request("POST", f"/v1/models/{model}:predict", body, headers)
        reply = connection.getresponse()
        reply.read()
        answers[f"{reply.status} from version {reply.getheader('x-seatrial-version')}"] += 1
        n += 4


threads = [threading.Thread(target=send, args=(first,)) for first in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for answer, count in sorted(answers.items()):
    print(f"{count:>7,}  {answer}")
