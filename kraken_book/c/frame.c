/* The bytes of one frame: whether it is a canonical update, and what it changes.
 *
 * A canonical update is exactly what Kraken sends, with no space, in this order:
 *
 *     {"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[],
 *     "asks":[{"price":63005.0,"qty":2.08665551}],"checksum":2532652056,
 *     "timestamp":"2026-08-01T02:53:53.646219Z"}]}
 *
 * (without the line breaks). Each number has exactly the decimals of its symbol, and no price is
 * zero. Everything else is left to Python, also what only looks odd: nothing is decided here that
 * Python could decide in another way.
 */
#include "speedups.h"
#include "text.h"

#define HEAD "{\"channel\":\"book\",\"type\":\"update\",\"data\":[{\"symbol\":\""

/* Step over the frame up to the end of its symbol, and set the symbol. */
bool frame_symbol(const char **at, const char *end, const char **symbol, Py_ssize_t *length) {
    if (!SKIP(at, end, HEAD)) {
        return false;
    }
    const char *quote = memchr(*at, '"', (size_t)(end - *at));
    if (quote == NULL) {
        return false;
    }
    *symbol = *at;
    *length = quote - *at;
    *at = quote + 1;
    return true;
}

/* Parse a number with exactly `precision` decimals and at most MAX_DIGITS digits. */
static bool parse_number(const char **at, const char *end, int precision, int64_t *units,
                         uint8_t *length) {
    const char *start = *at, *c = start;
    int64_t number = 0;
    for (; c < end && is_digit(*c); c++) {
        if (c - start >= MAX_DIGITS) {
            return false;
        }
        number = number * 10 + (*c - '0');
    }
    Py_ssize_t integer_digits = c - start;
    if (integer_digits == 0 || (*start == '0' && integer_digits > 1)) {
        return false;
    }
    if (precision > 0) {
        if (integer_digits + precision > MAX_DIGITS || end - c < precision + 1 || *c != '.') {
            return false;
        }
        c++;
        for (const char *last = c + precision; c < last; c++) {
            if (!is_digit(*c)) {
                return false;
            }
            number = number * 10 + (*c - '0');
        }
    }
    *units = number;
    *length = (uint8_t)(c - start);
    *at = c;
    return true;
}

/* Parse one `{"price":63005.0,"qty":2.08665551}`. */
static bool parse_level(const char **at, const char *end, int price_precision, int qty_precision,
                        Change *change) {
    int64_t lots;
    if (!SKIP(at, end, "{\"price\":")) {
        return false;
    }
    change->price = *at;
    if (!parse_number(at, end, price_precision, &change->ticks, &change->price_length) ||
        change->ticks == 0 || !SKIP(at, end, ",\"qty\":")) {
        return false;
    }
    change->qty = *at;
    if (!parse_number(at, end, qty_precision, &lots, &change->qty_length)) {
        return false;
    }
    change->is_removal = lots == 0;
    return SKIP(at, end, "}");
}

/* Parse the levels of one side, up to the `]` behind them. */
static bool parse_side(const char **at, const char *end, int price_precision, int qty_precision,
                       Change *changes, Py_ssize_t *count) {
    *count = 0;
    if (SKIP(at, end, "]")) {
        return true;
    }
    do {
        if (*count == MAX_FRAME_LEVELS ||
            !parse_level(at, end, price_precision, qty_precision, &changes[*count])) {
            return false;
        }
        ++*count;
    } while (SKIP(at, end, ","));
    return SKIP(at, end, "]");
}

static bool parse_checksum(const char **at, const char *end, uint32_t *checksum) {
    int64_t number;
    uint8_t length;
    if (!parse_number(at, end, 0, &number, &length) || number > UINT32_MAX) {
        return false;
    }
    *checksum = (uint32_t)number;
    return true;
}

static int two_digits(const char *at) { return (at[0] - '0') * 10 + at[1] - '0'; }

static int days_of(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Whether TIME_LENGTH bytes are a time like 2026-08-02T03:35:51.660084Z, later than the first
 * second of 1970: that and all earlier times are implausible, see
 * kraken_book.timestamps.normalised.
 */
static bool is_plausible_time(const char *time) {
    static const char form[] = "0000-00-00T00:00:00.000000Z";
    for (int i = 0; i < TIME_LENGTH; i++) {
        if (form[i] == '0' ? !is_digit(time[i]) : time[i] != form[i]) {
            return false;
        }
    }
    int year = two_digits(time) * 100 + two_digits(time + 2);
    int month = two_digits(time + 5), day = two_digits(time + 8);
    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month) &&
           two_digits(time + 11) < 24 && two_digits(time + 14) < 60 && two_digits(time + 17) < 60 &&
           memcmp(time, "1970-01-01T00:00:00", 19) != 0;
}

/* Parse the rest of a frame behind its symbol. */
bool frame_update(const char *at, const char *end, int price_precision, int qty_precision,
                  Update *update) {
    if (!SKIP(&at, end, ",\"bids\":[") ||
        !parse_side(&at, end, price_precision, qty_precision, update->bids, &update->bid_count) ||
        !SKIP(&at, end, ",\"asks\":[") ||
        !parse_side(&at, end, price_precision, qty_precision, update->asks, &update->ask_count) ||
        !SKIP(&at, end, ",\"checksum\":") || !parse_checksum(&at, end, &update->checksum) ||
        !SKIP(&at, end, ",\"timestamp\":\"") || end - at < TIME_LENGTH || !is_plausible_time(at)) {
        return false;
    }
    update->time = at;
    at += TIME_LENGTH;
    return SKIP(&at, end, "\"}]}") && at == end;
}
