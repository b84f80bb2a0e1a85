/* The module kraken_book._speedups. */
#include "speedups.h"

ModuleState *module_state(PyObject *module) { return (ModuleState *)PyModule_GetState(module); }

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec) {
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0) {
        Py_XDECREF(type);
        return NULL;
    }
    return (PyTypeObject *)type;
}

static int execute(PyObject *module) {
    ModuleState *state = module_state(module);
    crc32_init();
    state->side_type = add_type(module, &side_spec);
    state->outbox_type = state->side_type ? add_type(module, &outbox_spec) : NULL;
    state->lane_type = state->outbox_type ? add_type(module, &lane_spec) : NULL;
    return state->lane_type ? 0 : -1;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
    ModuleState *state = module_state(module);
    Py_VISIT((PyObject *)state->side_type);
    Py_VISIT((PyObject *)state->outbox_type);
    Py_VISIT((PyObject *)state->lane_type);
    return 0;
}

static int clear(PyObject *module) {
    ModuleState *state = module_state(module);
    Py_CLEAR(state->side_type);
    Py_CLEAR(state->outbox_type);
    Py_CLEAR(state->lane_type);
    return 0;
}

static void free_module(void *module) { clear((PyObject *)module); }

static PyMethodDef functions[] = {
    {"take", take, METH_VARARGS, take_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "kraken_book._speedups",
    .m_doc = "The compiled hot path of a frame; `kraken_book.speedups` loads it.",
    .m_size = sizeof(ModuleState),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__speedups(void) { return PyModuleDef_Init(&definition); }
