#!/usr/bin/env python3
"""Checks an export of Annals with nothing but Python: a second opinion beside `annals audit verify`.

    python3 verify.py EXPORT KEY [KEPT]

EXPORT is a directory, KEY what `annals audit key` prints or a file of it (a line for each key, the newest first), KEPT a
file of signed checkpoints that you kept from before (a sink's file, one note, or that of an earlier export). It shares no
code with Annals: what both find right is right by two readings of the format, which docs/auditing.md describes. It ends
with 0 where everything fits, with 6 and what is wrong where it does not, and with 2 where nothing could be compared.
"""
import base64, hashlib, json, os, struct, sys, uuid

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):  # points of the curve as (X, Y, Z, T): x = X/Z, y = Y/Z, x*y = T/Z
    k, m = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = m - k, d - c, d + c, m + k
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    total = (0, 1, 1, 0)
    while n:
        if n & 1:
            total = add(total, point)
        point, n = add(point, point), n >> 1
    return total


def point(b):  # a point from its 32 bytes, or None
    y, odd = int.from_bytes(b, "little") & (1 << 255) - 1, b[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and odd):
        return None
    x = P - x if x & 1 != odd else x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519(key, message, signature):
    a, s = point(key), int.from_bytes(signature[32:], "little")
    if a is None or len(signature) != 64 or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    x, y, z, _ = add(times(s, BASE), times(h, (P - a[0], a[1], 1, P - a[3])))
    inverse = pow(z, P - 2, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little") == signature[:32]


class Wrong(Exception):
    pass


class Usage(Exception):
    pass


def sha(b):
    return hashlib.sha256(b).digest()


def node(left, right):
    return sha(b"\x01" + left + right)


def checkpoint(signed, name, keys):
    """The origin, size and root of a note that a key of the instance called name has signed, under the origin's name; and which."""
    body, _, signatures = signed.partition(b"\n\n")
    origin, size, root = body.decode().split("\n")[:3]
    if not origin.startswith(name + "/"):
        raise Wrong(f"a checkpoint is of {origin}, which is no tree of {name}")
    for line in signatures.decode().splitlines():
        dash, signer, text = line.split(" ")
        raw = base64.b64decode(text, validate=True)
        for number, key in enumerate(keys):
            key_id = sha(origin.encode() + b"\n\x01" + key)[:4]
            if dash == "\u2014" and signer == origin and raw[:4] == key_id and ed25519(key, body + b"\n", raw[4:]):
                return origin, int(size), base64.b64decode(root, validate=True), number
    raise Wrong(f"the checkpoint of {origin} at {size} is not signed by this key")


def leaf(e):
    text = lambda s: struct.pack(">I", len(s.encode())) + s.encode()
    number = lambda n: struct.pack(">q", n)
    data, meta = (base64.b64decode(e[k], validate=True) for k in ("data", "meta"))
    return sha(b"\x00" + text("annals-leaf-v1") + text(e["stream"]) + number(e["revision"]) + uuid.UUID(e["id"]).bytes + text(e["type"]) + number(e["version"])
               + number(e["recordedAt"]) + number(e["occurredAt"]) + text(e["kind"]) + uuid.UUID(e["subject"]).bytes + sha(data) + sha(meta))


def included(h, index, size, path):
    """The root of a tree of that size in which the leaf h has that index, by its proof (RFC 9162, 2.1.3.2)."""
    n, last, path = index, size - 1, list(path)
    while last:
        if n & 1 or n == last:
            h = node(path.pop(0), h)
            while not n & 1:
                n, last = n >> 1, last >> 1
        else:
            h = node(h, path.pop(0))
        n, last = n >> 1, last >> 1
    return None if path else h


def notes_in(b):  # signed notes, each of a text, an empty line, and lines that begin with a dash
    one, ended = [], False
    for line in b.splitlines(keepends=True) + [b"end"]:
        dash = line.startswith("\u2014 ".encode())
        if ended and not dash:
            yield b"".join(one)
            one = []
        if one or line.strip():
            one.append(line)
        ended = dash


def keys_in(text):  # the instance's name, and its keys
    if os.path.isfile(text):
        text = open(text, encoding="utf-8").read()
    keys = [line.strip().split("+", 2) for line in text.splitlines() if line.strip()]
    if not keys or any(len(k) != 3 or k[0] != keys[0][0] for k in keys):
        raise Usage("KEY is what `annals audit key` prints, of one instance, or a file of it: NAME+12345678+AbCd...")
    keys = [(name, id, base64.b64decode(encoded, validate=True)) for name, id, encoded in keys]
    if any(len(raw) != 33 or raw[0] != 1 or sha(name.encode() + b"\n" + raw)[:4].hex() != id for name, id, raw in keys):
        raise Usage("the key is damaged: its parts do not belong together")
    return keys[0][0], [raw[1:] for _, _, raw in keys]


def kept_in(file):
    if file and not os.path.isfile(file):
        raise Usage(f"{file} is no file of checkpoints")
    text = open(file, "rb").read() if file else b""
    if text.startswith(b"c2sp.org/tlog-proof@"):  # a receipt: its checkpoint stands behind the path
        text = text.partition(b"\n\n")[2]
    notes = list(notes_in(text))
    if file and not all(b"\n\n\xe2\x80\x94 " in note and b"/" in note.split(b"\n")[0] for note in notes or [b""]):
        raise Usage(f"{file} holds no checkpoints")
    return notes


def main(folder, key_text, kept=None):
    try:
        name, keys = keys_in(key_text)
        since = kept_in(kept)
    except ValueError:
        raise Usage("the key cannot be read")
    if not os.path.isfile(os.path.join(folder, "manifest.json")):
        raise Usage(f"{folder} is no whole export: it has no manifest.json")

    def read(file):
        if not os.path.exists(os.path.join(folder, file)):
            raise Wrong(f"{file} is missing")
        return open(os.path.join(folder, file), "rb").read()

    manifest = json.loads(read("manifest.json"))
    stream, origins = manifest["stream"], manifest.get("origins", [])
    for f in manifest["files"]:
        if sha(read(f["name"])).hex() != f["sha256"]:
            raise Wrong(f"{f['name']}: its content is not what the manifest says")
    if manifest["instance"] != name:
        raise Wrong(f"the export is of {manifest['instance']}, and the key of {name}")
    own, want, last, sealed, turns, ends = f"{name}/{stream}", {}, None, 0, {}, {}
    imported = {f"{o['instance']}/{o['stream']}" for o in origins}
    for signed in notes_in(read("checkpoints")):
        if signed.split(b"\n")[0].decode() in imported - {own}:
            continue  # signed by another instance: it is for that one's key
        origin, size, root, by = checkpoint(signed, name, keys)
        if origin != own:
            raise Wrong(f"a checkpoint is of {origin}, and this is {own}")
        want.setdefault(size, set()).add(root)
        turns[by], ends[by] = min(size, turns.get(by, size)), max(size, ends.get(by, 0))
        if size > sealed:
            last, sealed = signed, size
    compared = 0
    for signed in since:
        if signed.split(b"\n")[0].decode() == own:
            _, size, root, by = checkpoint(signed, name, keys)
            want.setdefault(size, set()).add(root)
            turns[by] = min(size, turns.get(by, size))
            compared += 1
            if size > sealed:
                raise Wrong(f"{stream}: a checkpoint of {size} events was kept, and this ends at {sealed}: history was cut back")
    if since and not compared:
        raise Wrong(f"none of the checkpoints that were kept is of {own}: there is nothing to compare with")
    if any(later < former and turns[later] < ends[former] for later in turns for former in ends):
        raise Wrong("a former key has signed more events than a later one: give the newest first, and if you did, somebody else signed")
    for line in read("instance.ndjson").splitlines():
        tie = json.loads(line)
        head, _, signed = tie["proof"].partition("\n\n")
        lines = head.split("\n")
        origin, size, root, _ = checkpoint(signed.encode(), name, keys)
        path = [base64.b64decode(h, validate=True) for h in lines[2:]]
        if lines[0] != "c2sp.org/tlog-proof@v1" or origin != name + "/instance" or included(sha(b"\x00" + tie["checkpoint"].encode()), int(lines[1][6:]), size, path) != root:
            raise Wrong("the instance's log does not have this checkpoint")
        if tie["checkpoint"].encode() == last:
            last = True
    if last is not True:
        raise Wrong("nothing shows that the instance's log has the last checkpoint")
    edge, count, good = [], 0, 0  # roots of the complete subtrees, the largest first
    for file in sorted(f["name"] for f in manifest["files"] if f["name"].startswith("events-")):
        for line in read(file).splitlines():
            e = json.loads(line)
            came_from = next((o["stream"] for o in origins if e["revision"] <= o["upTo"]), stream)
            if e["revision"] != count or e["stream"] != came_from:
                raise Wrong(f"{stream}, revision {count}: revision {e['revision']} of {e['stream']} stands in its place")
            h, n, count = leaf(e), count, count + 1
            while n & 1:
                h, n = node(edge.pop(), h), n >> 1
            edge.append(h)
            if count in want:
                root = edge[-1]
                for left in reversed(edge[:-1]):
                    root = node(left, root)
                if want.pop(count) != {root}:
                    raise Wrong(f"{stream}: the events from revision {good} to {count - 1} are not those that were sealed")
                good = count
    if count != sealed or want:
        raise Wrong(f"{stream}: there are {count} events, and the last checkpoint is of {sealed}")
    for file in (f["name"] for f in manifest["files"] if f["name"].startswith("evidence-")):
        for number, line in enumerate(read(file).splitlines(), 1):
            e = json.loads(line)
            if sha(base64.b64decode(e["salt"]) + base64.b64decode(e["bytes"])).hex() != e["digest"]:
                raise Wrong(f"{file}, line {number}: the evidence is not what its digest says")
    print(f"verified: {stream} of {name}, {count} events, {compared} kept checkpoints")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (Usage, OSError) as error:
        sys.exit(print(error, file=sys.stderr) or 2)
    except (Wrong, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        print(f"WRONG: {error}")
        sys.exit(6)
