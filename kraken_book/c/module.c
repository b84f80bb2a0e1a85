/* The module `kraken_book._speedups`: its definition and initialisation. */

#include <Python.h>

#ifdef Py_GIL_DISABLED
#error "the limited API of Python 3.11 does not exist in a free-threaded Python"
#endif

static PyObject *answer(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromLong(42);
}

static PyMethodDef methods[] = {
    {"answer", answer, METH_NOARGS, "Return 42."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "kraken_book._speedups",
    .m_doc = "The compiled hot path of a frame.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__speedups(void) { return PyModuleDef_Init(&definition); }
