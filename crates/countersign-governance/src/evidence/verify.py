#!/usr/bin/env python3
"""Verifies evidence of a Countersign access review. Needs Python 3.8 and nothing else.

    python3 verify.py [PACK.tar or DIRECTORY] [--vkey KEY]...

Exit: 0 everything holds, 1 something does not, 3 nothing is wrong but not everything could be checked.
"""
import base64, csv, decimal, hashlib, io, json, os, shutil, subprocess, sys, tempfile, urllib.parse

faults, unchecked = [], []


def fault(file, line, what):
    faults.append("%s%s: %s" % (file, ":%d" % line if line else "", what))


def sha(data):
    return hashlib.sha256(data).hexdigest()


# --- the archive: ustar, written in one way only ---

def header(path, size):
    block = bytearray(512)
    for at, text in ((0, path.encode()), (100, b"0000644\x000000000\x000000000\0"),
                     (124, b"%011o\0%011o\0" % (size, 315532800)), (148, b"        0"),
                     (257, b"ustar\x0000"), (329, b"0000000\x000000000\0")):
        block[at:at + len(text)] = text
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def plain(part):
    return part and part[0] not in ".-" and all(c.isascii() and (c.isalnum() or c in "_-.") for c in part)


def read_archive(path):
    with open(path, "rb") as file:
        data = file.read()
    files, at, folder = {}, 0, None
    while True:
        block = data[at:at + 512]
        if len(block) < 512:
            sys.exit("archive: cut off")
        if not any(block):
            break
        name = block[:100].split(b"\0")[0].decode("ascii", "replace")
        try:
            size = int(block[124:135], 8)
        except ValueError:
            size = -1
        parts = name.split("/")
        if size < 0 or not 2 <= len(parts) <= 3 or not all(map(plain, parts)) or block != header(name, size):
            sys.exit("archive: the header of %r is not one of a pack" % name)
        content = data[at + 512:at + 512 + size]
        end = at + 512 + (size + 511) // 512 * 512
        short = name.split("/", 1)[1]
        if folder not in (None, parts[0]) or short in files or (files and short < max(files)):
            sys.exit("archive: %r stands twice, out of order or elsewhere" % name)
        if end > len(data) or any(data[at + 512 + size:end]):
            sys.exit("archive: %r is cut off or not padded with zeros" % name)
        files[short], folder, at = content, parts[0], end
    if data[at:] != bytes(1024):
        sys.exit("archive: something follows the files")
    return files


def read_directory(path):
    files = {}
    for root, _, names in os.walk(path):
        for name in names:
            whole = os.path.join(root, name)
            with open(whole, "rb") as file:
                files[os.path.relpath(whole, path).replace(os.sep, "/")] = file.read()
    return files


# --- sums ---

def line_sums(data):
    return [sha(line)[:8] for line in data.split(b"\n")]


def text_lines(files, name):
    lines = files.get(name, b"").decode("utf-8", "replace").split("\n")
    return lines if lines[-1] else lines[:-1]


def check_sums(files):
    """Names each file that is not what the sums say, with the line where it differs."""
    listed = {}
    for place, line in enumerate(text_lines(files, "SHA256SUMS"), 1):
        digest, _, name = line.partition("  ")
        listed[name] = (digest, place)
        if name not in files:
            fault("SHA256SUMS", place, "%r is not in the pack" % name)
    shorts = {}
    for place, line in enumerate(text_lines(files, "LINESUMS"), 1):
        name, *rest = line.split(" ")
        shorts[name] = (rest, place)
    try:
        manifest = {it["name"]: it["sha256"] for it in json.loads(files["manifest.json"])["files"]}
    except (KeyError, TypeError, ValueError):
        manifest = {}
        fault("manifest.json", 1, "can't be read")
    for name, data in files.items():
        if name == "SHA256SUMS":
            continue
        found, lines = sha(data), line_sums(data)
        said, at = listed.get(name, (None, None))
        short, short_at = shorts.get(name, (None, None))
        if found == said:
            if name == "LINESUMS":
                continue
            if short != lines:
                fault("LINESUMS", short_at, "is not the sums of %s" % name)
            if manifest and name != "manifest.json" and manifest.get(name) != found:
                fault("manifest.json", None, "has another sum for %s" % name)
        elif said is None:
            fault(name, None, "is not listed in SHA256SUMS")
        elif short == lines and manifest.get(name, found) == found:
            fault("SHA256SUMS", at, "is not the sum of %s" % name)
        elif name == "LINESUMS":
            others = sorted(it for it in files.items() if it[0] not in ("SHA256SUMS", name))
            again = "".join("%s %s\n" % (n, " ".join(line_sums(d))) for n, d in others)
            good = again.encode() == data
            fault("SHA256SUMS" if good else name, at if good else None, "is not the sum of " + name if good else "was changed")
        else:
            pairs = list(zip(short or [], lines))
            place = next((n for n, (a, b) in enumerate(pairs, 1) if a != b), len(pairs))
            fault(name, place or 1, "was changed")
    for name in shorts:
        if name not in files:
            fault("LINESUMS", shorts[name][1], "%r is not in the pack" % name)


# --- canonical JSON (RFC 8785) and digests ---

def number(value):
    text = repr(value)
    digits, _, exponent = text.partition("e")
    if exponent:
        near = -7 < int(exponent) < 21
        text = format(decimal.Decimal(text), "f") if near else digits + "e%+d" % int(exponent)
    return text[:-2] if text.endswith(".0") else text


def canonical(value):
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda it: it[0].encode("utf-16-be", "surrogatepass"))
        return "{%s}" % ",".join(canonical(k) + ":" + canonical(v) for k, v in members)
    if isinstance(value, list):
        return "[%s]" % ",".join(map(canonical, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def digest(value):
    return sha(canonical(value).encode())


def over(digests):
    return sha(b"".join(map(bytes.fromhex, digests)))


def decides(answer):
    return answer["verdict"] in ("certify", "reduce", "revoke")


def without(value, *names):
    return {k: v for k, v in value.items() if k not in names}


def decision(item):
    answers = [it for it in item.get("answers", []) if "void" not in it]
    return digest({"grant": item["grant"], "snapshot": item["digest"], "answers": answers,
                   "state": without(item["state"], "verified_at")})


# --- the log: RFC 6962 proofs, C2SP notes ---

def root_of(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            found = hashlib.sha256(b"\1" + sibling + found).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + sibling).digest()
        node, last = node >> 1, last >> 1
    return found if last == 0 else None


def signed(note, vkey, known={}):
    """Whether the key signed the note; None if that can't be checked here."""
    if (note, vkey) in known:
        return known[note, vkey]
    name, ident, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    if key[0] != 1 or sha(name.encode() + b"\n" + key)[:8] != ident:
        return False
    text, _, rest = note.rpartition("\n\n")
    outcome = False
    for line in rest.splitlines():
        dash, who, value = line.split(" ")
        value = base64.b64decode(value, validate=True)
        if dash == "\u2014" and who == name and value[:4].hex() == ident:
            outcome = ed25519(key[1:], value[4:], (text + "\n").encode())
    known[note, vkey] = outcome
    return outcome


def ed25519(key, signature, text):
    if not shutil.which("openssl"):
        return None
    with tempfile.TemporaryDirectory() as place:
        for name, data in (("key", bytes.fromhex("302a300506032b6570032100") + key), ("sig", signature), ("text", text)):
            with open(os.path.join(place, name), "wb") as file:
                file.write(data)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin",
                               "-in", "text", "-sigfile", "sig"], cwd=place, capture_output=True)
    if b"Signature Verified" in done.stdout and done.returncode == 0:
        return True
    return False if b"Verification Failure" in done.stdout + done.stderr else None


def check_entry(line, place, vkeys):
    where = "ledger/entries.json"
    if "proof" not in line:
        unchecked.append("%s:%d: the log had not signed entry %d yet" % (where, place, line["index"]))
        return
    if vkeys and line["vkey"] not in vkeys:
        fault(where, place, "is of a log with another key than the given ones")
    head, _, note = line["proof"].partition("\n\n")
    first, index, *path = head.split("\n")
    origin, size, root, *more = note.partition("\n\n")[0].split("\n")
    leaf = hashlib.sha256(b"\0" + line["entry"].encode()).digest()
    path = [base64.b64decode(it, validate=True) for it in path]
    if first != "c2sp.org/tlog-proof@v1" or index != "index %d" % line["index"] or more \
            or origin != line["vkey"].split("+")[0] or line["index"] >= int(size):
        fault(where, place, "the proof is none of this entry")
    elif root_of(leaf, line["index"], int(size), path) != base64.b64decode(root):
        fault(where, place, "the proof does not lead to the signed root")
    else:
        good = signed(note, line["vkey"])
        if good is None:
            unchecked.append("the signature of the checkpoint of %s entries: `openssl` with Ed25519 is needed" % size)
        elif not good:
            fault(where, place, "the checkpoint is not signed by the log's key")


# --- what the entries and the files say of each other ---

def check_campaign(campaign, items, entries, files):
    ident, opening = campaign["id"], campaign.get("opening")
    of = lambda kind: [(n, it) for n, it in enumerate(entries, 2)
                       if it["type"] == kind and it.get("campaign", ident) == ident]
    for n, it in enumerate(entries, 2):
        if it["type"].startswith("review.") and it.get("campaign") != ident:
            fault("ledger/entries.json", n, "is about another campaign")
    for n, it in enumerate(items, 2):
        if digest(it["snapshot"]) != it["digest"] or it["snapshot"]["grant"]["id"] != it["grant"]:
            fault("items.json", n, "the snapshot is not the one that its digest is of")
        if it["campaign"] != ident:
            fault("items.json", n, "is an item of another campaign")
    if opening:
        snapshot = over(it["digest"] for it in items)
        if snapshot != opening["digest"] or opening["items"] != len(items):
            fault("items.json", None, "the items are not those of the opening: one is missing, changed or more")
        if digest({"scope": campaign["scope"], "rules": campaign["rules"]}) != opening["scope"]:
            fault("campaign.json", 1, "scope and rules are not those of the opening")
        if not any(it["digest"] == snapshot and it["scope"] == opening["scope"] and it["items"] == len(items)
                   and it["excluded"] == opening["excluded"] for _, it in of("review.opened")):
            fault("campaign.json", 1, "no entry of the ledger has this opening")
    decided = {(it["grant"], it.get("answer")): n for n, it in of("review.decided")}
    used = set()
    for n, item in enumerate(items, 2):
        for answer in item.get("answers", []):
            key = (item["grant"], digest(without(answer, "void")))
            used.add(key)
            if decides(answer) and key not in decided:
                fault("items.json", n, "no entry of the ledger backs the answer of %s" % answer["by"])
        state = item["state"]
        if state["state"] == "decided" and not state["by"] and (item["grant"], None) not in decided:
            fault("items.json", n, "no entry of the ledger backs what the rule decided")
    for n, it in of("review.decided"):
        if it.get("answer") and (it["grant"], it["answer"]) not in used:
            fault("ledger/entries.json", n, "backs an answer that is not in items.json")
    check_sign_offs(campaign, items, of("review.signed_off"), of("passkey.changed"))
    texts = {it.get("text") for _, it in of("review.changed") if it["change"] == "addendum"}
    for addendum in campaign.get("addenda", []):
        if sha(addendum["text"].encode()) not in texts:
            fault("campaign.json", 1, "no entry of the ledger backs the addendum of %s" % addendum["by"])
    if campaign["state"]["state"] in ("closed", "signed_off"):
        report = sha(files.get("report.json", b"").rstrip(b"\n"))
        if report != campaign["state"]["report"] or not any(it["report"] == report for _, it in of("review.closed")):
            fault("report.json", 1, "is not the report that the ledger has")


def proved(it):
    """How the ledger writes the proof of a sign-off."""
    if "passkey" not in it:
        return it["signed_in_at"], None
    return it["passkey"]["passkey"], digest(it["passkey"])


def check_sign_offs(campaign, items, signed_off, changed):
    backed = {(it["by"], it["covers"], it["items"], it["digest"],
               it.get("passkey", it.get("signed_in_at")), it.get("signature")) for _, it in signed_off}
    for it in campaign.get("sign_offs", []):
        if (it["by"], it["covers"], it["items"], it["digest"], *proved(it)) not in backed:
            fault("campaign.json", 1, "no entry of the ledger backs the sign-off of %s" % it["by"])
        if "passkey" in it:
            check_passkey(campaign, it, changed)
        if it["covers"] == "campaign":
            found = over(map(decision, items))
        else:
            own = [(i, a) for i in items for a in i.get("answers", []) if a["by"] == it["by"] and a["at"] <= it["at"]]
            if any("void" in a for _, a in own):
                unchecked.append("the sign-off of %s: the item was opened again, so its digest can't be made again" % it["by"])
                continue
            found = over(digest({"grant": i["grant"], "snapshot": i["digest"], "answer": a}) for i, a in own if decides(a))
        if found != it["digest"]:
            fault("items.json", None, "the decisions are not those that %s signed for" % it["by"])


# --- passkeys: WebAuthn assertions over a sign-off ---

def unpadded(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != text:
        raise ValueError("no base64url")
    return data


def cose(data):
    """A COSE_Key: a map of small numbers to numbers or bytes, in CTAP2's one form."""
    def head(at):
        major, info = data[at] >> 5, data[at] & 31
        size = {24: 1, 25: 2}.get(info, 0)
        if info > 25:
            raise ValueError("CBOR")
        value = int.from_bytes(data[at + 1:at + 1 + size], "big") if size else info
        return major, value, at + 1 + size

    major, count, at = head(0)
    if major != 5:
        raise ValueError("no map")
    key = {}
    for _ in range(count):
        name = None
        for part in ("name", "value"):
            major, value, at = head(at)
            if major == 1:
                value = -1 - value
            elif major == 2 and part == "value":
                value, at = data[at:at + value], at + value
            elif major != 0:
                raise ValueError("CBOR")
            if part == "name":
                name = value
        if name in key:
            raise ValueError("a member twice")
        key[name] = value
    if at != len(data):
        raise ValueError("longer than the map")
    return key


P = 2 ** 256 - 2 ** 224 + 2 ** 192 + 2 ** 96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)


def plus(a, b):
    """Adds two points of P-256; None is the point at infinity."""
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], P - 2, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], P - 2, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k, point):
    total = None
    while k:
        if k & 1:
            total = plus(total, point)
        point, k = plus(point, point), k >> 1
    return total


def der(data):
    """The two numbers of an ECDSA signature, in DER's one form."""
    found, at = [], 2
    if len(data) < 2 or data[0] != 0x30 or data[1] != len(data) - 2 or data[1] > 127:
        return None
    while at + 2 <= len(data):
        number = data[at + 2:at + 2 + data[at + 1]]
        if data[at] != 2 or len(number) != data[at + 1] or not number or number[0] > 127 \
                or (len(number) > 1 and number[0] == 0 and number[1] < 128):
            return None
        found.append(int.from_bytes(number, "big"))
        at += 2 + len(number)
    return found if len(found) == 2 and at == len(data) else None


def ecdsa(x, y, signature, text):
    """ECDSA on P-256 with SHA-256 (FIPS 186-5 section 6.4.2)."""
    x, y, numbers = int.from_bytes(x, "big"), int.from_bytes(y, "big"), der(signature)
    if x >= P or y >= P or (y * y - x * x * x + 3 * x - B) % P or not numbers:
        return False
    r, s = numbers
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, N - 2, N)
    z = int.from_bytes(hashlib.sha256(text).digest(), "big")
    point = plus(times(z * inverse % N, G), times(r * inverse % N, (x, y)))
    return point is not None and point[0] % N == r


def rsa(modulus, exponent, signature, text):
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2)."""
    n, size = int.from_bytes(modulus, "big"), len(modulus)
    value = int.from_bytes(signature, "big")
    if size < 256 or len(signature) != size or value >= n or int.from_bytes(exponent, "big") < 3:
        return False
    tail = bytes.fromhex("003031300d060960864801650304020105000420") + hashlib.sha256(text).digest()
    wanted = b"\0\1" + b"\xff" * (size - 2 - len(tail)) + tail
    return pow(value, int.from_bytes(exponent, "big"), n).to_bytes(size, "big") == wanted


def key_signed(public_key, signature, text):
    """Whether the key signed it; None if that can't be checked here."""
    key = cose(public_key)
    kind, alg = key.get(1), key.get(3)
    if (kind, alg, key.get(-1), len(key)) == (2, -7, 1, 5):
        return ecdsa(key[-2], key[-3], signature, text)
    if (kind, alg, len(key)) == (3, -257, 4):
        return rsa(key[-1], key[-2], signature, text)
    if (kind, alg, key.get(-1), len(key)) == (1, -8, 6, 4):
        return ed25519(key[-2], signature, text)
    return False


def once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)


def passkey_fault(passkey, thing):
    """Why the passkey did not sign this thing; None if it did."""
    proof = {name: unpadded(text) for name, text in passkey["proof"].items()}
    data, said, nonce = proof["authenticator_data"], proof["client_data"], proof["nonce"]
    client = json.loads(said.decode("utf-8"), object_pairs_hook=once)
    challenge = hashlib.sha256(b"countersign/review-sign-off/v1" + bytes.fromhex(thing) + nonce).digest()
    host = urllib.parse.urlsplit(passkey["origin"]).hostname or ""
    if client.get("type") != "webauthn.get":
        return "passkey_type_mismatch"
    if len(nonce) != 32 or unpadded(client["challenge"]) != challenge:
        return "passkey_challenge_mismatch"
    if client.get("origin") != passkey["origin"]:
        return "passkey_origin_mismatch"
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        return "passkey_cross_origin"
    if len(data) < 37:
        return "passkey_data_malformed"
    if data[:32] != hashlib.sha256(host.encode()).digest():
        return "passkey_party_mismatch"
    if (len(data) > 37) != bool(data[32] & 128):
        return "passkey_data_malformed"
    if data[32] & 0b01100010 or data[32] & 0b11000 == 0b10000:
        return "passkey_flags_not_accepted"
    if not data[32] & 1:
        return "passkey_user_not_present"
    if not data[32] & 4:
        return "passkey_user_not_verified"
    good = key_signed(proof["public_key"], proof["signature"], data + hashlib.sha256(said).digest())
    if good is None:
        unchecked.append("the signature of passkey %s: `openssl` with Ed25519 is needed" % passkey["passkey"])
    return "passkey_signature_invalid" if good is False else None


def check_passkey(campaign, it, changed):
    """What a passkey signed, and whose the ledger says it was."""
    passkey = it["passkey"]
    thing = digest({"act": "review.sign_off", "campaign": campaign["id"], "by": it["by"], "covers": it["covers"],
                    "items": it["items"], "digest": it["digest"]})
    try:
        why = passkey_fault(passkey, thing)
        key, host = sha(unpadded(passkey["proof"]["public_key"])), urllib.parse.urlsplit(passkey["origin"]).hostname
    except (KeyError, TypeError, ValueError, IndexError):
        why = "passkey_answer_malformed"
    if why:
        fault("campaign.json", 1, "the passkey of %s did not sign this: %s" % (it["by"], why))
        return
    mine = [e["change"] for _, e in changed if e["passkey"] == passkey["passkey"] and e["subject"] == it["by"]
            and e["credential"] == passkey["proof"]["credential"] and e["public_key"] == key
            and e["party"] == host and e["at"] <= it["at"]]
    if mine != ["added"]:
        fault("campaign.json", 1, "no entry of the ledger says that the passkey is %s's" % it["by"])


def check_table(items, files):
    """decisions.csv says what items.json says, in its order."""
    rows = list(csv.DictReader(io.StringIO(files["decisions.csv"].decode("utf-8"))))
    wanted = []
    for item in items:
        answers = item.get("answers", [])
        wanted += [(item, it) for it in answers]
        if not any("void" not in it and decides(it) for it in answers):
            wanted.append((item, None))
    if len(rows) != len(wanted):
        fault("decisions.csv", None, "has %d rows, and there are %d decisions" % (len(rows), len(wanted)))
    for n, (row, (item, answer)) in enumerate(zip(rows, wanted), 2):
        good = row["grant"] == item["grant"] and row["evidence shown sha256"] == item["digest"]
        if answer:
            good = good and row["time"] == answer["at"] and row["decision"].startswith(answer["verdict"]) \
                and row["reviewer"].lstrip("'") == answer["by"].lstrip("'")
        if not good:
            fault("decisions.csv", n, "is not what items.json says")


def main(arguments):
    vkeys = [arguments[n + 1] for n, it in enumerate(arguments[:-1]) if it == "--vkey"]
    paths = [it for n, it in enumerate(arguments) if it != "--vkey" and (n == 0 or arguments[n - 1] != "--vkey")]
    path = paths[0] if paths else os.path.dirname(os.path.abspath(__file__))
    files = read_directory(path) if os.path.isdir(path) else read_archive(path)
    check_sums(files)
    keys = set()
    try:
        campaign = json.loads(files["campaign.json"])["campaign"]
        items, lines = json.loads(files["items.json"]), json.loads(files["ledger/entries.json"])
        if [it["grant"] for it in items] != sorted({it["grant"] for it in items}):
            fault("items.json", None, "the items are not in order, or one stands twice")
        for place, line in enumerate(lines, 2):
            keys.add(line.get("vkey"))
            check_entry(line, place, vkeys)
        check_campaign(campaign, items, [json.loads(it["entry"]) for it in lines], files)
        check_table(items, files)
    except Exception as error:  # what can't be read proves nothing
        fault("pack", None, "can't be read to its end: %r" % error)
    for it in faults:
        print("FAULT  " + it)
    for it in dict.fromkeys(unchecked):
        print("not checked: " + it)
    if faults:
        return 1
    print("%s: %d items, %d entries of the ledger" % (campaign["title"].encode("ascii", "replace").decode(), len(items), len(lines)))
    for key in sorted(filter(None, keys)):
        print("signed by " + key + ("" if vkeys else "   (compare this with a key that you know from elsewhere)"))
    print("everything holds" if not unchecked else "nothing is wrong, but not everything was checked")
    return 3 if unchecked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
