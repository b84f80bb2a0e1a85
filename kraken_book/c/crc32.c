/* CRC-32 (IEEE 802.3, as zlib's), eight bytes at a step.
 *
 * zlib's own function would need its headers at build time, and a call of Python's `zlib.crc32`
 * costs as much as the whole computation. The algorithm is "slicing by 8": M. Kounavis and F.
 * Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", 2008.
 */
#include "speedups.h"

#define POLYNOMIAL 0xEDB88320u
#define STEP 8

/* tables[n][byte] is the CRC of `byte` followed by n zero bytes. */
static uint32_t tables[STEP][256];

void crc32_init(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        }
        tables[0][byte] = crc;
    }
    for (int n = 1; n < STEP; n++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t crc = tables[n - 1][byte];
            tables[n][byte] = crc >> 8 ^ tables[0][crc & 0xFF];
        }
    }
}

static uint32_t little_endian(const unsigned char *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Return the CRC of a text that begins with one of CRC `crc` (0 for none), and goes on with `text`.
 */
uint32_t crc32_update(uint32_t crc, const char *text, Py_ssize_t length) {
    const unsigned char *at = (const unsigned char *)text;
    crc = ~crc;
    for (; length >= STEP; length -= STEP, at += STEP) {
        uint32_t low = crc ^ little_endian(at);
        uint32_t high = little_endian(at + 4);
        crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^
              tables[4][low >> 24] ^ tables[3][high & 0xFF] ^ tables[2][high >> 8 & 0xFF] ^
              tables[1][high >> 16 & 0xFF] ^ tables[0][high >> 24];
    }
    for (; length > 0; length--, at++) {
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xFF];
    }
    return ~crc;
}
