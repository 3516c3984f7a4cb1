// A buyer for Gavel: verifies signatures, answers the challenge, bids, takes posts.
//
//     node buyer.mjs --port 8090 --secret-file secret.txt
//
// Only Node's own modules are needed. The file of the secret holds one line, `whsec_...`; it may be
// written while this runs, and is read for every request, so that a new secret needs no restart. Without
// a secret every request is refused. Put a server that speaks TLS in front of it: the exchange calls
// https.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const TOLERANCE_S = 300;
const BODY_BYTES_MAX = 1024 * 1024;
const BID = "24.50";

/// Standard Webhooks: one of the signatures is ours, and the message is no older than 5 minutes.
export function isFromTheExchange(secret, headers, body) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_S)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is being replaced there are several signatures.
  return (headers["webhook-signature"] ?? "").split(" ").some((entry) => {
    const given = Buffer.from(entry.replace(/^v1,/, ""), "base64");
    return (
      entry.startsWith("v1,") && given.length === expected.length && timingSafeEqual(given, expected)
    );
  });
}

function bid(ping) {
  if (ping.lead.tobacco === true) return { bid: null, reason: "filtered" };
  return { bid: { price: BID, ref: `ours-${ping.ping_id}` } };
}

// Keep the posts in a database: a repeat comes days later.
const answers = new Map();

/// The same post gets the same answer, and is one lead however often it comes.
function take(post) {
  if (!answers.has(post.post_id)) {
    answers.set(post.post_id, { result: "accepted", buyer_lead_id: `L-${answers.size + 1}` });
  }
  return answers.get(post.post_id);
}

async function bodyOf(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) throw new RangeError("too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function secretIn(file) {
  try {
    return (await readFile(file, "ascii")).trim();
  } catch {
    return "";
  }
}

async function answer(request, secretFile) {
  const body = await bodyOf(request);
  const secret = await secretIn(secretFile);
  // Before anything is read from the body, and over the bytes as they came.
  if (secret === "" || !isFromTheExchange(secret, request.headers, body)) {
    return [401, { error: "not signed by the exchange" }];
  }
  const url = new URL(request.url, "http://localhost");
  if (request.method === "GET") {
    return [200, answers.get(url.searchParams.get("post_id")) ?? { result: "not_found" }];
  }
  const message = JSON.parse(body.toString("utf8"));
  if (message.type === "endpoint.challenge") return [200, { challenge: message.challenge }];
  if (url.pathname === "/ping") return [200, bid(message)];
  if (url.pathname === "/post") return [200, take(message)];
  return [404, { error: "not found" }];
}

function argument(name, usual) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? usual : process.argv[at + 1];
}

const secretFile = argument("secret-file");
if (secretFile === undefined) {
  console.error("usage: node buyer.mjs [--port 8090] --secret-file FILE");
  process.exit(2);
}
const server = createServer((request, response) => {
  answer(request, secretFile)
    .catch(() => [400, { error: "not understood" }])
    .then(([status, body]) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    });
});
server.listen(Number(argument("port", "8090")), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
