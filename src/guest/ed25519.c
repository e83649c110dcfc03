/* SPDX-License-Identifier: Apache-2.0
 *
 * ed25519.c - the public key of an Ed25519 seed (RFC 8032, section 5.1.5).
 *
 * Only that: the guest makes its SSH host key with it, the host the key that a
 * VM lets in, and signing is dropbear's and libssh2's. Starting a key generator
 * took longer than all else between the kernel and the hello, and starting
 * OpenSSL was half of what a create computes; this takes a few milliseconds
 * under emulation. A unit test holds it against OpenSSL's.
 *
 * Numbers modulo p = 2^255 - 19 are five limbs of 51 bits that may be a little
 * too large between steps: mul() takes limbs up to 2^54 and gives them below
 * 2^52, add() and sub() of such give at most 2^54.
 */
#include <string.h>

#include "guest/ed25519.h"

/* ---- SHA-512 of 32 bytes: one block */

static const uint64_t sha_round[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static uint64_t rotate(uint64_t x, unsigned n)
{
	return x >> n | x << (64 - n);
}

static void sha512_of_32(uint8_t out[64], const uint8_t in[32])
{
	uint64_t w[80] = { 0 };
	uint64_t h[8] = {
		0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
		0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
	};
	uint64_t s[8];

	for (int i = 0; i < 32; i++)
		w[i / 8] = w[i / 8] << 8 | in[i];
	w[4] = 1ull << 63; /* the end of the message */
	w[15] = 256;       /* its length in bits */
	for (int i = 16; i < 80; i++)
		w[i] = w[i - 16] + w[i - 7] + (rotate(w[i - 15], 1) ^ rotate(w[i - 15], 8) ^ w[i - 15] >> 7) +
		       (rotate(w[i - 2], 19) ^ rotate(w[i - 2], 61) ^ w[i - 2] >> 6);
	memcpy(s, h, sizeof s);
	for (int i = 0; i < 80; i++) {
		uint64_t one = s[7] + (rotate(s[4], 14) ^ rotate(s[4], 18) ^ rotate(s[4], 41)) +
		               ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha_round[i] + w[i];
		uint64_t two = (rotate(s[0], 28) ^ rotate(s[0], 34) ^ rotate(s[0], 39)) +
		               ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof s[0]);
		s[4] += one;
		s[0] = one + two;
	}
	for (int i = 0; i < 64; i++)
		out[i] = (uint8_t)((h[i / 8] + s[i / 8]) >> (56 - i % 8 * 8));
}

/* ---- numbers modulo p */

#define LIMB 0x7ffffffffffffull

struct number {
	uint64_t v[5];
};

static struct number add(const struct number *a, const struct number *b)
{
	struct number r;

	for (int i = 0; i < 5; i++)
		r.v[i] = a->v[i] + b->v[i];
	return r;
}

/* Plus 4p, so that no limb goes below zero. */
static struct number sub(const struct number *a, const struct number *b)
{
	struct number r;

	for (int i = 0; i < 5; i++)
		r.v[i] = a->v[i] + 4 * (i == 0 ? LIMB - 18 : LIMB) - b->v[i];
	return r;
}

static void carry(struct number *r)
{
	for (int i = 0; i < 4; i++) {
		r->v[i + 1] += r->v[i] >> 51;
		r->v[i] &= LIMB;
	}
	r->v[0] += 19 * (r->v[4] >> 51); /* 2^255 is 19 */
	r->v[4] &= LIMB;
}

static struct number mul(const struct number *a, const struct number *b)
{
/* Each product by itself: as loops it takes compilers seven times the instructions. */
#define M(i, k) ((unsigned __int128)a->v[i] * b->v[k])
#define W(i, k) ((unsigned __int128)a->v[i] * beyond[k])
	/* What lands above 2^255. */
	const uint64_t beyond[5] = { 0, 19 * b->v[1], 19 * b->v[2], 19 * b->v[3], 19 * b->v[4] };
	unsigned __int128 sum[5] = {
		M(0, 0) + W(1, 4) + W(2, 3) + W(3, 2) + W(4, 1), M(0, 1) + M(1, 0) + W(2, 4) + W(3, 3) + W(4, 2),
		M(0, 2) + M(1, 1) + M(2, 0) + W(3, 4) + W(4, 3), M(0, 3) + M(1, 2) + M(2, 1) + M(3, 0) + W(4, 4),
		M(0, 4) + M(1, 3) + M(2, 2) + M(3, 1) + M(4, 0),
	};
#undef M
#undef W
	struct number r;

	for (int i = 0; i < 4; i++) {
		sum[i + 1] += sum[i] >> 51;
		r.v[i] = (uint64_t)sum[i] & LIMB;
	}
	r.v[4] = (uint64_t)sum[4] & LIMB;
	unsigned __int128 top = (sum[4] >> 51) * 19 + r.v[0];

	r.v[0] = (uint64_t)top & LIMB;
	r.v[1] += (uint64_t)(top >> 51);
	return r;
}

/* To the power of p - 2 = 2^255 - 21, of whose bits only the second and fourth above the lowest are 0. */
static struct number invert(const struct number *a)
{
	struct number r = *a;

	for (int bit = 253; bit >= 0; bit--) {
		r = mul(&r, &r);
		if (bit != 2 && bit != 4)
			r = mul(&r, a);
	}
	return r;
}

/* The one representation below p, in bytes. */
static void pack(uint8_t out[32], struct number a)
{
	carry(&a);
	carry(&a);
	/* When a + 19 reaches 2^255, a is p or more. */
	uint64_t over = (a.v[0] + 19) >> 51;

	for (int i = 1; i < 5; i++)
		over = (a.v[i] + over) >> 51;
	a.v[0] += 19 * over;
	for (int i = 0; i < 4; i++) {
		a.v[i + 1] += a.v[i] >> 51;
		a.v[i] &= LIMB;
	}
	a.v[4] &= LIMB;
	for (int i = 0; i < 32; i++) {
		int bit = i * 8, limb = bit / 51, shift = bit % 51;
		uint64_t byte = a.v[limb] >> shift;

		if (shift > 43 && limb < 4)
			byte |= a.v[limb + 1] << (51 - shift);
		out[i] = (uint8_t)byte;
	}
}

/* ---- points of the curve, as X : Y : Z : T with T = XY/Z */

struct point {
	struct number x, y, z, t;
};

static const struct number twice_d = {
	{ 0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff }
};
static const struct point base = {
	{ { 0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe, 0x216936d3cd6e5 } },
	{ { 0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333, 0x6666666666666 } },
	{ { 1 } },
	{ { 0x68ab3a5b7dda3, 0x00eea2a5eadbb, 0x2af8df483c27e, 0x332b375274732, 0x67875f0fd78b7 } },
};

/* One formula for all pairs of points, equal ones included (RFC 8032, section 5.1.4). */
static struct point sum(const struct point *p, const struct point *q)
{
	struct number p_less = sub(&p->y, &p->x), q_less = sub(&q->y, &q->x);
	struct number p_more = add(&p->y, &p->x), q_more = add(&q->y, &q->x);
	struct number a = mul(&p_less, &q_less), b = mul(&p_more, &q_more);
	struct number c = mul(&p->t, &q->t), d = mul(&p->z, &q->z);

	c = mul(&c, &twice_d);
	d = add(&d, &d);
	struct number e = sub(&b, &a), f = sub(&d, &c), g = add(&d, &c), h = add(&b, &a);

	return (struct point){ mul(&e, &f), mul(&g, &h), mul(&f, &g), mul(&e, &h) };
}

/* The same steps whatever the bit is. */
static void choose(struct point *p, const struct point *q, uint64_t bit)
{
	uint64_t mask = 0 - bit;
	struct number *const to[] = { &p->x, &p->y, &p->z, &p->t };
	const struct number *const from[] = { &q->x, &q->y, &q->z, &q->t };

	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 5; k++)
			to[i]->v[k] ^= mask & (to[i]->v[k] ^ from[i]->v[k]);
}

void ed25519_public(uint8_t out[32], const uint8_t seed[32])
{
	uint8_t secret[64], x[32];
	struct point p = { .y.v[0] = 1, .z.v[0] = 1 }; /* the neutral one */

	sha512_of_32(secret, seed);
	secret[0] &= 0xf8;
	secret[31] = (uint8_t)((secret[31] & 0x7f) | 0x40);
	for (int bit = 254; bit >= 0; bit--) {
		p = sum(&p, &p);
		struct point more = sum(&p, &base);

		choose(&p, &more, secret[bit / 8] >> bit % 8 & 1);
	}
	struct number over = invert(&p.z);

	pack(x, mul(&p.x, &over));
	pack(out, mul(&p.y, &over));
	out[31] |= (uint8_t)(x[0] << 7);
	explicit_bzero(secret, sizeof secret);
}
