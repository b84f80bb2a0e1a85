/* The levels of one side of a book, best first: the type Side. */
#include "speedups.h"
#include "text.h"

#define MIN_CAPACITY 16

/* Make room for `count` levels. Return -1 with an exception if there is no memory. */
int side_reserve(Side *side, Py_ssize_t count) {
    if (count <= side->capacity) {
        return 0;
    }
    Py_ssize_t capacity = side->capacity > 0 ? side->capacity : MIN_CAPACITY;
    while (capacity < count) {
        capacity *= 2;
    }
    /* Each array is valid at its old length until `capacity` is set. */
    int64_t *keys = PyMem_Realloc(side->keys, (size_t)capacity * sizeof(*keys));
    if (keys != NULL) {
        side->keys = keys;
    }
    uint32_t *slots = PyMem_Realloc(side->slots, (size_t)capacity * sizeof(*slots));
    if (slots != NULL) {
        side->slots = slots;
    }
    Level *levels = PyMem_Realloc(side->levels, (size_t)capacity * sizeof(*levels));
    if (levels != NULL) {
        side->levels = levels;
    }
    if (keys == NULL || slots == NULL || levels == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t slot = side->capacity; slot < capacity; slot++) {
        side->slots[slot] = (uint32_t)slot;
    }
    side->capacity = capacity;
    return 0;
}

/* Copy the digits of a number without its leading zeros, and return the end of the copy. */
static char *put_digits(char *at, const char *text, uint8_t length) {
    const char *end = text + length;
    while (text < end && (*text == '0' || *text == '.')) {
        text++;
    }
    for (; text < end; text++) {
        if (*text != '.') {
            *at++ = *text;
        }
    }
    return at;
}

static void render_level(Level *level, const Change *change) {
    char *at = PUT(level->json, "[\"");
    at = put(at, change->price, change->price_length);
    at = PUT(at, "\",\"");
    at = put(at, change->qty, change->qty_length);
    at = PUT(at, "\"]");
    level->json_length = (uint8_t)(at - level->json);
    level->price_length = change->price_length;
    level->qty_length = change->qty_length;
    at = put_digits(level->sum, change->price, change->price_length);
    at = put_digits(at, change->qty, change->qty_length);
    level->sum_length = (uint8_t)(at - level->sum);
}

/* Return the index of the first level with a key that is not less than `key`. */
static Py_ssize_t find(const Side *side, int64_t key) {
    Py_ssize_t low = 0, high = side->count;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (side->keys[middle] < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void insert_at(Side *side, Py_ssize_t index, int64_t key) {
    size_t worse = (size_t)(side->count - index);
    uint32_t slot = side->slots[side->count];
    memmove(&side->keys[index + 1], &side->keys[index], worse * sizeof(*side->keys));
    memmove(&side->slots[index + 1], &side->slots[index], worse * sizeof(*side->slots));
    side->keys[index] = key;
    side->slots[index] = slot;
    side->count++;
}

static void remove_at(Side *side, Py_ssize_t index) {
    size_t worse = (size_t)(side->count - index - 1);
    uint32_t slot = side->slots[index];
    memmove(&side->keys[index], &side->keys[index + 1], worse * sizeof(*side->keys));
    memmove(&side->slots[index], &side->slots[index + 1], worse * sizeof(*side->slots));
    side->count--;
    side->slots[side->count] = slot;
}

/* Set or remove levels in their order, then truncate. The room must be reserved. */
void side_apply(Side *side, const Change *changes, Py_ssize_t count, Py_ssize_t depth) {
    for (const Change *change = changes; change < changes + count; change++) {
        int64_t key = change->ticks * side->direction;
        Py_ssize_t index = find(side, key);
        bool has_price = index < side->count && side->keys[index] == key;
        if (change->is_removal && !has_price) {
            continue;
        }
        if (index < CHECKSUM_LEVELS) {
            side->is_sum_current = false;
        }
        if (change->is_removal) {
            remove_at(side, index);
            continue;
        }
        if (!has_price) {
            insert_at(side, index, key);
        }
        render_level(&side->levels[side->slots[index]], change);
    }
    if (side->count > depth) {
        side->is_sum_current = side->is_sum_current && depth >= CHECKSUM_LEVELS;
        side->count = depth;
    }
}

/* Render the side's part of the checksummed text, and its CRC-32, unless both are current. */
void side_render_sum(Side *side) {
    if (side->is_sum_current) {
        return;
    }
    char *at = side->sum;
    for (Py_ssize_t index = 0; index < side->count && index < CHECKSUM_LEVELS; index++) {
        const Level *level = side_level(side, index);
        at = put(at, level->sum, level->sum_length);
    }
    side->sum_length = at - side->sum;
    side->sum_crc = crc32_update(0, side->sum, side->sum_length);
    side->is_sum_current = true;
}

/* Parse a decimal such as 63005.0, of any precision. Return -1 with an exception if it is none. */
static int parse_text(PyObject *text, int64_t *units, const char **characters, uint8_t *length) {
    Py_ssize_t size;
    const char *c = PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    if (c == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "the price and the qty of a level must be str");
        }
        return -1;
    }
    int digits = 0, dots = 0;
    *characters = c;
    *units = 0;
    for (const char *end = c + size; c < end; c++) {
        if (*c == '.' && dots == 0) {
            dots++;
        } else if (!is_digit(*c)) {
            PyErr_Format(PyExc_ValueError, "%R is no decimal", text);
            return -1;
        } else if (++digits > MAX_DIGITS) {
            PyErr_Format(PyExc_OverflowError, "a number has more than %d digits", MAX_DIGITS);
            return -1;
        } else {
            *units = *units * 10 + (*c - '0');
        }
    }
    *length = (uint8_t)size;
    return 0;
}

/* Read the text of an attribute, which stays alive in the list `texts`. */
static int read_text(PyObject *level, const char *name, PyObject *texts, int64_t *units,
                     const char **characters, uint8_t *length) {
    PyObject *text = PyObject_GetAttrString(level, name);
    if (text == NULL) {
        return -1;
    }
    int result = PyList_Append(texts, text);
    Py_DECREF(text);
    return result < 0 ? -1 : parse_text(text, units, characters, length);
}

static int read_levels(PyObject *levels, PyObject *texts, Change *changes, Py_ssize_t count) {
    for (Py_ssize_t n = 0; n < count; n++) {
        Change *change = &changes[n];
        int64_t lots;
        PyObject *level = PyList_GetItem(levels, n);
        if (level == NULL ||
            read_text(level, "price", texts, &change->ticks, &change->price,
                      &change->price_length) < 0 ||
            read_text(level, "qty", texts, &lots, &change->qty, &change->qty_length) < 0) {
            return -1;
        }
        change->is_removal = lots == 0;
    }
    return 0;
}

/* Apply a list that no other code has, so that it cannot change meanwhile. */
static int apply_list(Side *side, PyObject *levels, Py_ssize_t depth) {
    Py_ssize_t count = PyList_Size(levels);
    PyObject *texts = PyList_New(0);
    Change *changes = PyMem_Calloc((size_t)count + 1, sizeof(*changes));
    int result = -1;
    if (changes == NULL) {
        PyErr_NoMemory();
    } else if (texts != NULL && read_levels(levels, texts, changes, count) == 0 &&
               side_reserve(side, side->count + count) == 0) {
        side_apply(side, changes, count, depth);
        result = 0;
    }
    PyMem_Free(changes);
    Py_XDECREF(texts);
    return result;
}

static PyObject *side_apply_method(PyObject *self, PyObject *arguments) {
    PyObject *iterable;
    Py_ssize_t depth;
    if (!PyArg_ParseTuple(arguments, "On:apply", &iterable, &depth)) {
        return NULL;
    }
    if (depth < 0) {
        return PyErr_Format(PyExc_ValueError, "a depth of %zd is negative", depth);
    }
    PyObject *levels = PySequence_List(iterable);
    if (levels == NULL) {
        return NULL;
    }
    int result = apply_list((Side *)self, levels, depth);
    Py_DECREF(levels);
    if (result < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *side_clear_method(PyObject *self, PyObject *unused) {
    (void)unused;
    Side *side = (Side *)self;
    side->count = 0;
    side->is_sum_current = false;
    Py_RETURN_NONE;
}

static PyObject *pair_of(const Level *level) {
    const char *price = level->json + 2;
    const char *qty = price + level->price_length + 3;
    return Py_BuildValue("(s#s#)", price, (Py_ssize_t)level->price_length, qty,
                         (Py_ssize_t)level->qty_length);
}

static PyObject *side_pairs(PyObject *self, PyObject *unused) {
    (void)unused;
    const Side *side = (Side *)self;
    PyObject *pairs = PyList_New(side->count);
    for (Py_ssize_t index = 0; pairs != NULL && index < side->count; index++) {
        PyObject *pair = pair_of(side_level(side, index));
        if (pair == NULL || PyList_SetItem(pairs, index, pair) < 0) {
            Py_CLEAR(pairs);
        }
    }
    return pairs;
}

static PyObject *side_best_pair(PyObject *self, PyObject *unused) {
    (void)unused;
    const Side *side = (Side *)self;
    if (side->count == 0) {
        Py_RETURN_NONE;
    }
    return pair_of(side_level(side, 0));
}

static PyObject *side_get_checksum_text(PyObject *self, void *unused) {
    (void)unused;
    Side *side = (Side *)self;
    side_render_sum(side);
    return PyBytes_FromStringAndSize(side->sum, side->sum_length);
}

static PyObject *side_get_json(PyObject *self, void *unused) {
    (void)unused;
    const Side *side = (Side *)self;
    char *text = PyMem_Malloc((size_t)side->count * (MAX_LEVEL_JSON + 1) + 2);
    if (text == NULL) {
        return PyErr_NoMemory();
    }
    char *at = PUT(text, "[");
    for (Py_ssize_t index = 0; index < side->count; index++) {
        const Level *level = side_level(side, index);
        at = put(at, level->json, level->json_length);
        at = PUT(at, ",");
    }
    at -= side->count > 0;
    at = PUT(at, "]");
    PyObject *json = PyUnicode_FromStringAndSize(text, at - text);
    PyMem_Free(text);
    return json;
}

static Py_ssize_t side_length(PyObject *self) { return ((Side *)self)->count; }

static int side_init(PyObject *self, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"direction", NULL};
    int direction;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "i:Side", names, &direction)) {
        return -1;
    }
    if (direction != 1 && direction != -1) {
        PyErr_SetString(PyExc_ValueError, "the direction of a side is 1 or -1");
        return -1;
    }
    Side *side = (Side *)self;
    side->direction = direction;
    side->count = 0;
    side->is_sum_current = false;
    return 0;
}

static void side_dealloc(PyObject *self) {
    Side *side = (Side *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(side->keys);
    PyMem_Free(side->slots);
    PyMem_Free(side->levels);
    freefunc free_object = (freefunc)PyType_GetSlot(type, Py_tp_free);
    free_object(self);
    Py_DECREF(type);
}

static PyMethodDef side_methods[] = {
    {"apply", side_apply_method, METH_VARARGS,
     "Set or remove levels in their order, then truncate to the best `depth` levels.\n\n"
     "OverflowError is raised, with nothing changed, if a number has more than 18 digits."},
    {"clear", side_clear_method, METH_NOARGS, "Remove all levels."},
    {"pairs", side_pairs, METH_NOARGS, "Return the texts of each level's price and quantity."},
    {"best_pair", side_best_pair, METH_NOARGS, "Return the best level's texts, or None."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef side_getset[] = {
    {"checksum_text", side_get_checksum_text, NULL, "This side's part of the checksummed text.",
     NULL},
    {"json", side_get_json, NULL, "The side as a JSON array of [\"price\",\"qty\"], best first.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot side_slots[] = {
    {Py_tp_doc, "The levels of one side, best first; 1 if the lowest price is best, else -1."},
    {Py_tp_init, side_init},
    {Py_tp_dealloc, side_dealloc},
    {Py_tp_methods, side_methods},
    {Py_tp_getset, side_getset},
    {Py_sq_length, side_length},
    {0, NULL},
};

PyType_Spec side_spec = {
    .name = "kraken_book._speedups.Side",
    .basicsize = sizeof(Side),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = side_slots,
};
