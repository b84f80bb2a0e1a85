/* The loop over the frames of one connection. */
#include "speedups.h"
#include "text.h"

#include <assert.h>

/* `received_at` of events, with its quotes. */
#define MAX_RECEIVED_AT 64
/* The members of an event besides its name, its levels and `received_at`. */
#define MAX_MEMBERS 1024
#define MAX_EVENT                                                                                  \
    (MAX_NAME + MAX_MEMBERS + MAX_RECEIVED_AT + 2 * MAX_FRAME_LEVELS * (MAX_LEVEL_JSON + 1))

/* What all frames of one call share. */
typedef struct {
    ModuleState *state;
    PyObject *lanes;
    PyObject *read_at;
    PyObject *woken;
    const char *received_at;
    Py_ssize_t received_at_length;
    /* The lane of the last frame, because many frames in a row may be of one symbol. */
    Lane *lane;
    const char *symbol;
    Py_ssize_t symbol_length;
    Update update;
    char event[MAX_EVENT];
} Run;

typedef enum { TAKEN, LEFT, WRONG, FAILED } Outcome;

static char *put_changes(char *at, const Change *changes, Py_ssize_t count) {
    for (Py_ssize_t n = 0; n < count; n++) {
        if (n > 0) {
            at = PUT(at, ",");
        }
        at = PUT(at, "[\"");
        at = put(at, changes[n].price, changes[n].price_length);
        at = PUT(at, "\",\"");
        at = put(at, changes[n].qty, changes[n].qty_length);
        at = PUT(at, "\"]");
    }
    return at;
}

static char *put_best(char *at, const Side *side) {
    if (side->count == 0) {
        return PUT(at, "null");
    }
    const Level *best = side_level(side, 0);
    at = PUT(at, "{\"price\":\"");
    at = put(at, best->json + 2, best->price_length);
    at = PUT(at, "\",\"qty\":\"");
    at = put(at, best->json + best->price_length + 5, best->qty_length);
    return PUT(at, "\"}");
}

/* Write the best ask minus the best bid, which is not negative because the book is not crossed. */
static char *put_spread(char *at, const Lane *lane) {
    if (lane->bids->count == 0 || lane->asks->count == 0) {
        return PUT(at, "null");
    }
    char digits[MAX_NUMBER_TEXT + 1];
    int precision = lane->price_precision;
    uint64_t ticks = (uint64_t)(side_best_ticks(lane->asks) - side_best_ticks(lane->bids));
    size_t length = (size_t)(put_number(digits, ticks, precision + 1) - digits);
    size_t integer_digits = length - (size_t)precision;
    at = PUT(at, "\"");
    at = put(at, digits, integer_digits);
    if (precision > 0) {
        at = PUT(at, ".");
        at = put(at, digits + integer_digits, (size_t)precision);
    }
    return PUT(at, "\"");
}

/* Write the event of the update that `lane` has applied; `kraken_book.event.render_update`. */
static Py_ssize_t render_event(Run *run, const Lane *lane, int64_t seq) {
    const Update *update = &run->update;
    char *at = PUT(run->event, "{\"symbol\":");
    at = put(at, lane->name, (size_t)lane->name_length);
    at = PUT(at, ",\"kind\":\"update\",\"seq\":");
    at = put_number(at, (uint64_t)seq, 1);
    at = PUT(at, ",\"epoch\":");
    at = put_number(at, (uint64_t)lane->outbox->epoch, 1);
    at = PUT(at, ",\"best_bid\":");
    at = put_best(at, lane->bids);
    at = PUT(at, ",\"best_ask\":");
    at = put_best(at, lane->asks);
    at = PUT(at, ",\"spread\":");
    at = put_spread(at, lane);
    at = PUT(at, ",\"bids\":[");
    at = put_changes(at, update->bids, update->bid_count);
    at = PUT(at, "],\"asks\":[");
    at = put_changes(at, update->asks, update->ask_count);
    at = PUT(at, "],\"checksum\":");
    at = put_number(at, update->checksum, 1);
    at = PUT(at, ",\"exchange_time\":\"");
    at = put(at, update->time, TIME_LENGTH);
    at = PUT(at, "\",\"received_at\":\"");
    at = put(at, run->received_at, (size_t)run->received_at_length);
    at = PUT(at, "\"}");
    return at - run->event;
}

/* Find the lane of a symbol. Return NULL without an exception if there is none. */
static Lane *find_lane(Run *run, const char *symbol, Py_ssize_t length) {
    if (run->lane != NULL && run->symbol_length == length &&
        memcmp(run->symbol, symbol, (size_t)length) == 0) {
        return run->lane;
    }
    PyObject *key = PyBytes_FromStringAndSize(symbol, length);
    if (key == NULL) {
        return NULL;
    }
    PyObject *lane = PyDict_GetItemWithError(run->lanes, key);
    Py_DECREF(key);
    if (lane == NULL) {
        return NULL;
    }
    if (!PyObject_TypeCheck(lane, run->state->lane_type)) {
        PyErr_SetString(PyExc_TypeError, "the values of the lanes must be Lanes");
        return NULL;
    }
    run->lane = (Lane *)lane;
    run->symbol = symbol;
    run->symbol_length = length;
    return run->lane;
}

static bool is_right(const Lane *lane, uint32_t checksum) {
    const Side *bids = lane->bids, *asks = lane->asks;
    side_render_sum(lane->asks);
    side_render_sum(lane->bids);
    if (crc32_update(asks->sum_crc, bids->sum, bids->sum_length) != checksum) {
        return false;
    }
    return bids->count == 0 || asks->count == 0 || side_best_ticks(bids) < side_best_ticks(asks);
}

/* Append the event of the update to the outbox, if that is open. */
static Outcome add_event(Run *run, Lane *lane) {
    Outbox *outbox = lane->outbox;
    if (outbox == NULL || !outbox->is_open) {
        return TAKEN;
    }
    Py_ssize_t length = render_event(run, lane, outbox->seq + 1);
    PyObject *event = PyBytes_FromStringAndSize(run->event, length);
    if (event == NULL) {
        return FAILED;
    }
    int result = PyList_Append(outbox->updates, event);
    Py_DECREF(event);
    if (result < 0) {
        return FAILED;
    }
    outbox->seq++;
    outbox->room--;
    if (!outbox->is_waiting) {
        outbox->is_waiting = 1;
        return PyList_Append(run->woken, (PyObject *)outbox) < 0 ? FAILED : TAKEN;
    }
    return TAKEN;
}

static void set_read_at(Run *run, Lane *lane) {
    PyObject *replaced = lane->read_at;
    if (replaced != run->read_at) {
        lane->read_at = Py_NewRef(run->read_at);
        /* The end of an object may run Python code, which may remove the lane. */
        run->lane = NULL;
        Py_XDECREF(replaced);
    }
}

static bool has_room(const Lane *lane) {
    const Outbox *outbox = lane->outbox;
    return outbox == NULL || !outbox->is_open ||
           (outbox->updates != NULL && outbox->room > 0 && outbox->seq >= 0 &&
            outbox->seq < INT64_MAX);
}

/* Take one frame, or leave it with nothing changed. A wrong frame is one that has been applied and
 * has not led to the venue's book.
 */
static Outcome take_frame(Run *run, PyObject *message) {
    if (!PyBytes_CheckExact(message)) {
        return LEFT;
    }
    const char *at = PyBytes_AsString(message), *symbol;
    const char *end = at + PyBytes_Size(message);
    Py_ssize_t length;
    if (!frame_symbol(&at, end, &symbol, &length)) {
        return LEFT;
    }
    Lane *lane = find_lane(run, symbol, length);
    if (lane == NULL) {
        return PyErr_Occurred() ? FAILED : LEFT;
    }
    Update *update = &run->update;
    if (lane->bids == NULL || !has_room(lane) ||
        !frame_update(at, end, lane->price_precision, lane->qty_precision, update)) {
        return LEFT;
    }
    if (side_reserve(lane->bids, lane->bids->count + update->bid_count) < 0 ||
        side_reserve(lane->asks, lane->asks->count + update->ask_count) < 0) {
        return FAILED;
    }
    if (update->bid_count > 0) {
        side_apply(lane->bids, update->bids, update->bid_count, lane->depth);
    }
    if (update->ask_count > 0) {
        side_apply(lane->asks, update->asks, update->ask_count, lane->depth);
    }
    if (!is_right(lane, update->checksum)) {
        return WRONG;
    }
    lane->checksum = update->checksum;
    memcpy(lane->time, update->time, TIME_LENGTH);
    lane->has_time = true;
    Outcome outcome = add_event(run, lane);
    set_read_at(run, lane);
    return outcome;
}

/* Take the first of these messages, and return their number and the outcome of the last one. */
static Py_ssize_t take_run(Run *run, PyObject *messages, Outcome *outcome) {
    Py_ssize_t taken = 0, count = PyList_Size(messages);
    *outcome = TAKEN;
    while (*outcome == TAKEN && taken < count) {
        *outcome = take_frame(run, PyList_GetItem(messages, taken));
        taken += *outcome == TAKEN || *outcome == WRONG;
    }
    return taken;
}

const char take_doc[] =
    "take(lanes, messages, first, read_at, received_at, woken) -> (next, wrong)\n\n"
    "Take the run of canonical update frames that begins at messages[first].\n\n"
    "Each frame updates and verifies the book of its lane, and adds an event to the lane's outbox\n"
    "if that is open. Outboxes in which the first event waits are added to the list `woken`. `next`\n"
    "is the index of the first message that was not taken. `wrong` is None, or, if the last frame\n"
    "taken has not led to the venue's book, its lane and its checksum.\n\n"
    "`lanes` has a Lane for the UTF-8 of each symbol. `read_at` is kept as the time of the frames,\n"
    "and `received_at` is its text in events.";

PyObject *take(PyObject *module, PyObject *arguments) {
    static_assert(sizeof(Run) < 128 * 1024, "a Run is on the stack");
    Run run;
    PyObject *messages;
    Py_ssize_t first;
    if (!PyArg_ParseTuple(arguments, "O!O!nOs#O!:take", &PyDict_Type, &run.lanes, &PyList_Type,
                          &messages, &first, &run.read_at, &run.received_at,
                          &run.received_at_length, &PyList_Type, &run.woken)) {
        return NULL;
    }
    if (first < 0 || first > PyList_Size(messages)) {
        return PyErr_Format(PyExc_ValueError, "there is no message %zd", first);
    }
    if (run.received_at_length > MAX_RECEIVED_AT) {
        return PyErr_Format(PyExc_ValueError, "no time is longer than %d bytes", MAX_RECEIVED_AT);
    }
    /* A list of our own, so that nothing can remove a message meanwhile. */
    PyObject *left = PyList_GetSlice(messages, first, PY_SSIZE_T_MAX);
    if (left == NULL) {
        return NULL;
    }
    run.state = module_state(module);
    run.lane = NULL;
    Outcome outcome;
    Py_ssize_t next = first + take_run(&run, left, &outcome);
    PyObject *result = NULL;
    if (outcome == WRONG) {
        result = Py_BuildValue("n(OI)", next, (PyObject *)run.lane, (unsigned)run.update.checksum);
    } else if (outcome != FAILED) {
        result = Py_BuildValue("nO", next, Py_None);
    }
    Py_DECREF(left);
    return result;
}
