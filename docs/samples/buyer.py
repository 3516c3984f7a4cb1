#!/usr/bin/env python3
"""A buyer for Gavel: verifies signatures, answers the challenge, bids, takes posts.

    python3 buyer.py --port 8090 --secret-file secret.txt

Only Python's standard library is needed. The file of the secret holds one line, `whsec_...`; it may be
written while this runs, and is read for every request, so that a new secret needs no restart. Without a
secret every request is refused. Put a server that speaks TLS in front of it: the exchange calls https.
"""

import argparse
import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOLERANCE_S = 300
BODY_BYTES_MAX = 1024 * 1024
BID = "24.50"


def is_from_the_exchange(secret: str, headers, body: bytes) -> bool:
    """Standard Webhooks: one of the signatures is ours, and the message is no older than 5 minutes."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    try:
        if abs(time.time() - int(timestamp)) > TOLERANCE_S:
            return False
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    entries = headers.get("webhook-signature", "").encode().split(b" ")
    # While a secret is being replaced there are several signatures.
    return any([hmac.compare_digest(entry, expected) for entry in entries])


class Buyer:
    """What the buyer decides and remembers. Keep the posts in a database: a repeat comes days later."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answers: dict[str, dict] = {}

    def bid(self, ping: dict) -> dict:
        if ping["lead"].get("tobacco") is True:
            return {"bid": None, "reason": "filtered"}
        return {"bid": {"price": BID, "ref": f"ours-{ping['ping_id']}"}}

    def take(self, post: dict) -> dict:
        """The same post gets the same answer, and is one lead however often it comes."""
        with self.lock:
            answer = self.answers.get(post["post_id"])
            if answer is None:
                answer = {"result": "accepted", "buyer_lead_id": f"L-{len(self.answers) + 1}"}
                self.answers[post["post_id"]] = answer
            return answer

    def status(self, post_id: str) -> dict:
        with self.lock:
            answer = self.answers.get(post_id)
        return answer if answer is not None else {"result": "not_found"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    buyer = Buyer()
    secret_file = ""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            return self.reply(413, {"error": "too large"})
        body = self.rfile.read(length)
        # Before anything is read from the body, and over the bytes as they came.
        if not self.is_signed(body):
            return self.reply(401, {"error": "not signed by the exchange"})
        message = json.loads(body)
        if message.get("type") == "endpoint.challenge":
            return self.reply(200, {"challenge": message["challenge"]})
        path = urlsplit(self.path).path
        if path == "/ping":
            return self.reply(200, self.buyer.bid(message))
        if path == "/post":
            return self.reply(200, self.buyer.take(message))
        return self.reply(404, {"error": "not found"})

    def do_GET(self) -> None:
        if not self.is_signed(b""):
            return self.reply(401, {"error": "not signed by the exchange"})
        post_id = parse_qs(urlsplit(self.path).query).get("post_id", [""])[0]
        return self.reply(200, self.buyer.status(post_id))

    def is_signed(self, body: bytes) -> bool:
        try:
            with open(self.secret_file, encoding="ascii") as file:
                secret = file.read().strip()
        except OSError:
            return False
        return secret != "" and is_from_the_exchange(secret, self.headers, body)

    def reply(self, status: int, answer: dict) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a request's line may hold a lead's id, and a log is not the place for it."""


def main() -> None:
    parser = argparse.ArgumentParser(description="a buyer for Gavel")
    parser.add_argument("--port", type=int, default=8090, help="0 takes any that is free")
    parser.add_argument("--secret-file", required=True, help="holds `whsec_...`")
    arguments = parser.parse_args()
    Handler.secret_file = arguments.secret_file
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
