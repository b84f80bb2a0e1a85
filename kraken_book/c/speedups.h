/* The compiled hot path of a frame: shared definitions.
 *
 * The pure Python path is the specification (kraken_book.book, kraken_book.event,
 * collector.feed.hot_path). This module does the same work for Kraken's canonical update frames
 * alone, with the same results to the byte. `take` in take.c takes a run of frames in one call:
 *
 *     frame.c   the bytes of one frame: is it a canonical update, and what does it change?
 *     side.c    the levels of one side of a book, sorted, with their texts
 *     lane.c    one symbol's way from its frames to the events that wait for Redis
 *     take.c    the loop over frames: parse, apply, verify, write the event
 *     text.h    writing and reading of short texts
 *     crc32.c   the checksum
 *
 * Data structures and ownership:
 *
 * - A Side owns three arrays: keys, slots and levels. `keys` are the ticks times the direction,
 *   ascending, so that index 0 is the best level. `slots[i]` is the place in `levels` of the level
 *   with `keys[i]`; the slots behind `count` are the free ones. So an insertion moves twelve bytes
 *   for each worse level, and a level never moves.
 * - A Lane holds references to the two sides of a verified book, or to none while there is no such
 *   book, and to an Outbox, or to none while nobody publishes the book.
 * - An Outbox holds a reference to the list of rendered updates. Python reads and replaces the list
 *   between calls of `take`.
 * - An Update is the parsed form of one frame. It points into the frame's bytes, and is not kept.
 *
 * No code here runs Python code while it changes a side. Everything is used with the GIL held.
 */
#ifndef KRAKEN_BOOK_SPEEDUPS_H
#define KRAKEN_BOOK_SPEEDUPS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An int64 holds every number of 18 digits. */
#define MAX_DIGITS 18
#define MAX_NUMBER_TEXT (MAX_DIGITS + 1)
/* `["price","qty"]` */
#define MAX_LEVEL_JSON (2 * MAX_NUMBER_TEXT + 7)
#define CHECKSUM_LEVELS 10
/* Frames with more levels of one side are left to Python. Kraken's have a few. */
#define MAX_FRAME_LEVELS 256
#define MAX_NAME 128
/* The length of 2026-08-02T03:35:51.660084Z */
#define TIME_LENGTH 27

/* One level of a frame. The texts are not owned. */
typedef struct {
    int64_t ticks;
    const char *price;
    const char *qty;
    uint8_t price_length;
    uint8_t qty_length;
    bool is_removal;
} Change;

/* One canonical update frame. The texts are not owned. */
typedef struct {
    Change bids[MAX_FRAME_LEVELS];
    Change asks[MAX_FRAME_LEVELS];
    Py_ssize_t bid_count;
    Py_ssize_t ask_count;
    uint32_t checksum;
    const char *time;
} Update;

/* The texts of one level: `["price","qty"]`, and its part of the checksummed text. */
typedef struct {
    uint8_t price_length;
    uint8_t qty_length;
    uint8_t json_length;
    uint8_t sum_length;
    char json[MAX_LEVEL_JSON];
    char sum[2 * MAX_DIGITS];
} Level;

typedef struct {
    PyObject_HEAD
    int64_t *keys;
    uint32_t *slots;
    Level *levels;
    Py_ssize_t count;
    Py_ssize_t capacity;
    int direction;
    /* The checksummed text of the best ten levels, and its CRC-32, until one of them changes. */
    bool is_sum_current;
    uint32_t sum_crc;
    Py_ssize_t sum_length;
    char sum[CHECKSUM_LEVELS * 2 * MAX_DIGITS];
} Side;

typedef struct {
    PyObject_HEAD
    PyObject *updates;    /* A list of bytes: rendered updates, the newest last. */
    PyObject *on_waiting; /* Called by Python for each outbox that `take` has woken. */
    int64_t epoch;
    int64_t seq;
    int64_t room;
    char is_open;
    char is_waiting;
} Outbox;

typedef struct {
    PyObject_HEAD
    PyObject *symbol; /* A str, for Python. */
    Side *bids;       /* Both sides or none. */
    Side *asks;
    Outbox *outbox;
    PyObject *read_at;
    Py_ssize_t depth;
    int price_precision;
    int qty_precision;
    uint32_t checksum;
    bool has_time;
    char time[TIME_LENGTH];
    Py_ssize_t name_length;
    char name[MAX_NAME]; /* The symbol as a JSON string, with its quotes. */
} Lane;

typedef struct {
    PyTypeObject *side_type;
    PyTypeObject *lane_type;
    PyTypeObject *outbox_type;
} ModuleState;

/* crc32.c */
void crc32_init(void);
uint32_t crc32_update(uint32_t crc, const char *text, Py_ssize_t length);

/* frame.c */
bool frame_symbol(const char **at, const char *end, const char **symbol, Py_ssize_t *length);
bool frame_update(const char *at, const char *end, int price_precision, int qty_precision,
                  Update *update);

/* side.c */
extern PyType_Spec side_spec;
int side_reserve(Side *side, Py_ssize_t count);
void side_apply(Side *side, const Change *changes, Py_ssize_t count, Py_ssize_t depth);
void side_render_sum(Side *side);
static inline const Level *side_level(const Side *side, Py_ssize_t index) {
    return &side->levels[side->slots[index]];
}
static inline int64_t side_best_ticks(const Side *side) { return side->keys[0] * side->direction; }

/* lane.c */
extern PyType_Spec lane_spec;
extern PyType_Spec outbox_spec;

/* take.c */
PyObject *take(PyObject *module, PyObject *arguments);
extern const char take_doc[];

/* module.c */
ModuleState *module_state(PyObject *module);

#endif
