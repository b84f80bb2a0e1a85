/* Writing and reading of short texts. Writers do not check the room: their callers know it. */
#ifndef KRAKEN_BOOK_TEXT_H
#define KRAKEN_BOOK_TEXT_H

#include "speedups.h"

/* Write `text` at `at`, and return its end. */
static inline char *put(char *at, const char *text, size_t length) {
    memcpy(at, text, length);
    return at + length;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

/* Write a number in decimal, with at least `least_digits` digits, and return its end. */
static inline char *put_number(char *at, uint64_t number, int least_digits) {
    char digits[24];
    int length = 0;
    while (number != 0 || length < least_digits) {
        digits[sizeof(digits) - 1 - (size_t)length++] = (char)('0' + number % 10);
        number /= 10;
    }
    return put(at, digits + sizeof(digits) - (size_t)length, (size_t)length);
}

/* Step over `literal` at `*at`; return false if something else is there. */
static inline bool skip(const char **at, const char *end, const char *literal, size_t length) {
    if ((size_t)(end - *at) < length || memcmp(*at, literal, length) != 0) {
        return false;
    }
    *at += length;
    return true;
}

#define SKIP(at, end, literal) skip((at), (end), (literal), sizeof(literal) - 1)

static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

#endif
