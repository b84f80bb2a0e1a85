/* One symbol's way from its frames to the events that wait for Redis: the types Lane and Outbox.
 *
 * Both have the attributes of the classes of the same names in collector.feed.lane, which explain
 * them.
 */
#include "speedups.h"
#include "text.h"

/* Let a field refer to `value`, whose reference it takes. */
#define REPLACE(field, value)                                                                      \
    do {                                                                                           \
        PyObject *replaced = (PyObject *)(field);                                                  \
        (field) = (value);                                                                         \
        Py_XDECREF(replaced);                                                                      \
    } while (0)

/* Let go of the object's memory and its type. */
static void free_instance(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc free_object = (freefunc)PyType_GetSlot(type, Py_tp_free);
    free_object(self);
    Py_DECREF(type);
}

/* Read an integer from `least` to `most`. Return -1 with an exception if `value` is none. */
static int read_integer(PyObject *value, int64_t least, int64_t most, int64_t *number) {
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "this attribute cannot be deleted");
        return -1;
    }
    long long read = PyLong_AsLongLong(value);
    if (read == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (read < least || read > most) {
        PyErr_Format(PyExc_ValueError, "%R is too small or too large", value);
        return -1;
    }
    *number = read;
    return 0;
}

/* Outbox */

static int outbox_traverse(PyObject *self, visitproc visit, void *arg) {
    Outbox *outbox = (Outbox *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(outbox->updates);
    Py_VISIT(outbox->on_waiting);
    return 0;
}

static int outbox_clear(PyObject *self) {
    Outbox *outbox = (Outbox *)self;
    Py_CLEAR(outbox->updates);
    Py_CLEAR(outbox->on_waiting);
    return 0;
}

static void outbox_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    outbox_clear(self);
    free_instance(self);
}

static int outbox_init(PyObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"on_waiting", NULL};
    PyObject *on_waiting;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O:Outbox", names, &on_waiting)) {
        return -1;
    }
    Outbox *outbox = (Outbox *)self;
    PyObject *updates = PyList_New(0);
    if (updates == NULL) {
        return -1;
    }
    REPLACE(outbox->updates, updates);
    REPLACE(outbox->on_waiting, Py_NewRef(on_waiting));
    return 0;
}

static PyObject *outbox_get_epoch(PyObject *self, void *unused) {
    (void)unused;
    Outbox *outbox = (Outbox *)self;
    if (!outbox->is_open) {
        Py_RETURN_NONE;
    }
    return PyLong_FromLongLong(outbox->epoch);
}

static int outbox_set_epoch(PyObject *self, PyObject *value, void *unused) {
    (void)unused;
    Outbox *outbox = (Outbox *)self;
    int64_t epoch = 0;
    if (value != Py_None && read_integer(value, 0, INT64_MAX, &epoch) < 0) {
        return -1;
    }
    outbox->epoch = epoch;
    outbox->is_open = value != Py_None;
    return 0;
}

static PyObject *outbox_get_number(PyObject *self, void *offset) {
    return PyLong_FromLongLong(*(int64_t *)((char *)self + (intptr_t)offset));
}

static int outbox_set_number(PyObject *self, PyObject *value, void *offset) {
    return read_integer(value, INT64_MIN, INT64_MAX, (int64_t *)((char *)self + (intptr_t)offset));
}

static PyObject *outbox_get_on_waiting(PyObject *self, void *unused) {
    (void)unused;
    PyObject *on_waiting = ((Outbox *)self)->on_waiting;
    return Py_NewRef(on_waiting != NULL ? on_waiting : Py_None);
}

static PyObject *outbox_get_updates(PyObject *self, void *unused) {
    (void)unused;
    PyObject *updates = ((Outbox *)self)->updates;
    return updates != NULL ? Py_NewRef(updates) : PyList_New(0);
}

static int outbox_set_updates(PyObject *self, PyObject *value, void *unused) {
    (void)unused;
    if (value == NULL || !PyList_CheckExact(value)) {
        PyErr_SetString(PyExc_TypeError, "the updates must be a list");
        return -1;
    }
    REPLACE(((Outbox *)self)->updates, Py_NewRef(value));
    return 0;
}

static PyMemberDef outbox_members[] = {
    {"is_waiting", T_BOOL, offsetof(Outbox, is_waiting), 0, "Whether an event waits."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef outbox_getset[] = {
    {"on_waiting", outbox_get_on_waiting, NULL, "Called when an event waits.", NULL},
    {"seq", outbox_get_number, outbox_set_number, "The seq of the newest event.",
     (void *)offsetof(Outbox, seq)},
    {"room", outbox_get_number, outbox_set_number, "How many updates `take` may add.",
     (void *)offsetof(Outbox, room)},
    {"epoch", outbox_get_epoch, outbox_set_epoch, "The epoch of new events; None while closed.",
     NULL},
    {"updates", outbox_get_updates, outbox_set_updates, "Rendered updates, up to `seq`.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot outbox_slots[] = {
    {Py_tp_doc, "The end of a queue of events, to which `take` appends updates."},
    {Py_tp_init, outbox_init},
    {Py_tp_dealloc, outbox_dealloc},
    {Py_tp_traverse, outbox_traverse},
    {Py_tp_clear, outbox_clear},
    {Py_tp_members, outbox_members},
    {Py_tp_getset, outbox_getset},
    {0, NULL},
};

PyType_Spec outbox_spec = {
    .name = "kraken_book._speedups.Outbox",
    .basicsize = sizeof(Outbox),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = outbox_slots,
};

/* Lane */

static int lane_traverse(PyObject *self, visitproc visit, void *arg) {
    Lane *lane = (Lane *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(lane->symbol);
    Py_VISIT((PyObject *)lane->bids);
    Py_VISIT((PyObject *)lane->asks);
    Py_VISIT((PyObject *)lane->outbox);
    Py_VISIT(lane->read_at);
    return 0;
}

static int lane_clear(PyObject *self) {
    Lane *lane = (Lane *)self;
    Py_CLEAR(lane->symbol);
    Py_CLEAR(lane->bids);
    Py_CLEAR(lane->asks);
    Py_CLEAR(lane->outbox);
    Py_CLEAR(lane->read_at);
    return 0;
}

static void lane_dealloc(PyObject *self) {
    PyObject_GC_UnTrack(self);
    lane_clear(self);
    free_instance(self);
}

static int lane_init(PyObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"symbol", "name", "read_at", NULL};
    PyObject *symbol, *read_at;
    const char *name;
    Py_ssize_t length;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "Us#O:Lane", names, &symbol, &name,
                                     &length, &read_at)) {
        return -1;
    }
    if (length > MAX_NAME) {
        PyErr_Format(PyExc_ValueError, "a name has at most %d bytes", MAX_NAME);
        return -1;
    }
    Lane *lane = (Lane *)self;
    memcpy(lane->name, name, (size_t)length);
    lane->name_length = length;
    REPLACE(lane->symbol, Py_NewRef(symbol));
    REPLACE(lane->read_at, Py_NewRef(read_at));
    return 0;
}

static PyObject *lane_carry(PyObject *self, PyObject *arguments) {
    ModuleState *state = PyType_GetModuleState(Py_TYPE(self));
    PyObject *bids, *asks;
    Py_ssize_t depth;
    int price_precision, qty_precision;
    if (state == NULL ||
        !PyArg_ParseTuple(arguments, "O!O!nii:carry", state->side_type, &bids, state->side_type,
                          &asks, &depth, &price_precision, &qty_precision)) {
        return NULL;
    }
    if (((Side *)bids)->direction != -1 || ((Side *)asks)->direction != 1) {
        PyErr_SetString(PyExc_ValueError, "the bids have direction -1, the asks have 1");
        return NULL;
    }
    if (depth < 1 || price_precision < 0 || qty_precision < 0) {
        PyErr_SetString(PyExc_ValueError, "the depth must be positive, no precision negative");
        return NULL;
    }
    Lane *lane = (Lane *)self;
    REPLACE(lane->bids, (Side *)Py_NewRef(bids));
    REPLACE(lane->asks, (Side *)Py_NewRef(asks));
    lane->depth = depth;
    lane->price_precision = price_precision;
    lane->qty_precision = qty_precision;
    Py_RETURN_NONE;
}

static PyObject *lane_drop(PyObject *self, PyObject *unused) {
    (void)unused;
    Lane *lane = (Lane *)self;
    Py_CLEAR(lane->bids);
    Py_CLEAR(lane->asks);
    Py_RETURN_NONE;
}

static PyObject *lane_get_outbox(PyObject *self, void *unused) {
    (void)unused;
    Outbox *outbox = ((Lane *)self)->outbox;
    return Py_NewRef(outbox != NULL ? (PyObject *)outbox : Py_None);
}

static int lane_set_outbox(PyObject *self, PyObject *value, void *unused) {
    (void)unused;
    ModuleState *state = PyType_GetModuleState(Py_TYPE(self));
    if (state == NULL) {
        return -1;
    }
    Lane *lane = (Lane *)self;
    if (value == Py_None) {
        Py_CLEAR(lane->outbox);
        return 0;
    }
    if (value == NULL || !PyObject_TypeCheck(value, state->outbox_type)) {
        PyErr_SetString(PyExc_TypeError, "the outbox must be an Outbox or None");
        return -1;
    }
    REPLACE(lane->outbox, (Outbox *)Py_NewRef(value));
    return 0;
}

static PyObject *lane_get_time(PyObject *self, void *unused) {
    (void)unused;
    Lane *lane = (Lane *)self;
    if (!lane->has_time) {
        Py_RETURN_NONE;
    }
    return PyUnicode_FromStringAndSize(lane->time, TIME_LENGTH);
}

static int lane_set_time(PyObject *self, PyObject *value, void *unused) {
    (void)unused;
    Lane *lane = (Lane *)self;
    if (value == Py_None) {
        lane->has_time = false;
        return 0;
    }
    Py_ssize_t length = 0;
    const char *time = NULL;
    if (value != NULL && PyUnicode_Check(value)) {
        time = PyUnicode_AsUTF8AndSize(value, &length);
    }
    if (time == NULL || length != TIME_LENGTH) {
        PyErr_Clear();
        PyErr_SetString(PyExc_ValueError, "a time has the form 2026-08-02T03:35:51.660084Z");
        return -1;
    }
    memcpy(lane->time, time, TIME_LENGTH);
    lane->has_time = true;
    return 0;
}

static PyObject *lane_get_checksum(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLong(((Lane *)self)->checksum);
}

static int lane_set_checksum(PyObject *self, PyObject *value, void *unused) {
    (void)unused;
    int64_t checksum;
    if (read_integer(value, 0, UINT32_MAX, &checksum) < 0) {
        return -1;
    }
    ((Lane *)self)->checksum = (uint32_t)checksum;
    return 0;
}

static PyMethodDef lane_methods[] = {
    {"carry", lane_carry, METH_VARARGS,
     "Let `take` update a book.\n\n"
     "The arguments are its bids, asks, depth, and decimals of prices and quantities."},
    {"drop", lane_drop, METH_NOARGS, "Let `take` update no book."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef lane_members[] = {
    {"symbol", T_OBJECT_EX, offsetof(Lane, symbol), READONLY, "The symbol."},
    {"read_at", T_OBJECT_EX, offsetof(Lane, read_at), 0, "When the last frame was read."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef lane_getset[] = {
    {"checksum", lane_get_checksum, lane_set_checksum, "The checksum that verified the book.",
     NULL},
    {"outbox", lane_get_outbox, lane_set_outbox, "Where updates wait, or None.", NULL},
    {"exchange_time", lane_get_time, lane_set_time, "The venue's time of the last frame.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot lane_slots[] = {
    {Py_tp_doc, "One symbol's way from its frames to the events that wait."},
    {Py_tp_init, lane_init},
    {Py_tp_dealloc, lane_dealloc},
    {Py_tp_traverse, lane_traverse},
    {Py_tp_clear, lane_clear},
    {Py_tp_methods, lane_methods},
    {Py_tp_members, lane_members},
    {Py_tp_getset, lane_getset},
    {0, NULL},
};

PyType_Spec lane_spec = {
    .name = "kraken_book._speedups.Lane",
    .basicsize = sizeof(Lane),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = lane_slots,
};
