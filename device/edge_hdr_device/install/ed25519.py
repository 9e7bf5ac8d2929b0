"""Verify Ed25519 signatures in pure Python, for boards that have nothing else.

Only public values are handled, so the time that it takes needs no hiding. Points are kept as
extended coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

Source: RFC 8032, sections 5.1.3, 5.1.4 and 5.1.7.
"""

from __future__ import annotations

import hashlib

KEY_BYTES, SIGNATURE_BYTES = 32, 64

P = 2**255 - 19  # the field
L = 2**252 + 27742317777372353535851937790883648493  # the order of the base point
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is the key owner's, over this message.

    Encodings that RFC 8032 does not allow are refused: a wrong length, a number that is not reduced
    (s ≥ L, y ≥ p), a point that is not on the curve; so are keys of small order, which nobody owns.

    Args:
        public_key: 32 bytes.
        message: what was signed.
        signature: 64 bytes.
    """
    if len(public_key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    key, first = _decode(public_key), _decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or first is None or s >= L or _is_small(key):
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % L
    x, y, z, t = key
    return _encode(_sum_of_products(s, BASE, k, (P - x, y, z, P - t))) == signature[:32]


def _decode(text: bytes) -> Point | None:
    """Give the point of an encoding; None where there is none."""
    number = int.from_bytes(text, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x + u) % P == 0:
        x = x * SQRT_MINUS_1 % P
    if (v * x * x - u) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def _encode(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(p: Point) -> Point:
    a, b, c = p[0] * p[0] % P, p[1] * p[1] % P, 2 * p[2] * p[2] % P
    h = a + b
    e = h - (p[0] + p[1]) * (p[0] + p[1]) % P
    g = a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _is_small(p: Point) -> bool:
    """Tell whether eight times the point is the neutral one."""
    x, y, z, _ = _double(_double(_double(p)))
    return x == 0 and y == z


def _sum_of_products(s: int, p: Point, k: int, q: Point) -> Point:
    """Give s·p + k·q, two bits of both numbers at a time."""
    of_p = [NEUTRAL, p, _double(p), _add(_double(p), p)]
    of_q = [NEUTRAL, q, _double(q), _add(_double(q), q)]
    sums = [[_add(a, b) for b in of_q] for a in of_p]
    total = NEUTRAL
    for shift in range(252, -1, -2):
        total = _double(_double(total))
        left, right = s >> shift & 3, k >> shift & 3
        if left or right:
            total = _add(total, sums[left][right])
    return total


_FOUR_FIFTHS = (4 * pow(5, -1, P) % P).to_bytes(32, "little")
BASE: Point = _decode(_FOUR_FIFTHS) or NEUTRAL
