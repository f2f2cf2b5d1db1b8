/* The range coder of range_coder.py, which describes it, in C.
 *
 * Both functions take arrays by the buffer protocol, in the machine's byte
 * order, and check all that they read there. C99; the limited API of Python
 * 3.11, or the full one of 3.6.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#define LOW_RANGE ((uint64_t)1 << 32)
#define FULL_RANGE ((uint64_t)1 << 48)
#define TOTAL 65536

/* Buffers of a call, in the order of their arguments. */
enum { DATA, CODES, ORDER, ROWS, STARTS, FIRSTS, CUMULATIVE, BUFFERS };

static const Py_ssize_t ITEM_BYTES[BUFFERS] = {1, 2, 4, 2, 4, 4, 4};

typedef struct {
    const int32_t *order;
    const uint16_t *rows;
    const int32_t *starts;
    const int32_t *firsts;
    const int32_t *cumulative;
    Py_ssize_t size; /* Coefficients. */
    Py_ssize_t active;
    Py_ssize_t tables;
    Py_ssize_t entries;
} Plan;

typedef struct {
    const int32_t *sums; /* 0, ..., 65536: one more than intervals. */
    int32_t escape;      /* The place of the last interval. */
    int32_t first;
} Table;

/* Results of coding: done; a stream to refuse; arguments that do not fit. */
typedef enum { DONE, REFUSED, BROKEN } Result;

static int find_table(const Plan *plan, Py_ssize_t row, Table *table)
{
    int32_t start, end;
    if (row >= plan->tables)
        return 0;
    start = plan->starts[row];
    end = plan->starts[row + 1];
    if (start < 0 || end > plan->entries || end - (int64_t)start < 3)
        return 0;
    table->sums = plan->cumulative + start;
    table->escape = end - start - 2;
    table->first = plan->firsts[row];
    return table->sums[0] == 0 && table->sums[table->escape + 1] == TOTAL &&
           table->first >= INT16_MIN && table->first <= INT16_MAX;
}

/* Where coefficient number i lies in an image's codes, or -1. */
static Py_ssize_t find_place(const Plan *plan, Py_ssize_t i)
{
    int32_t place = plan->order[i];
    return place >= 0 && place < plan->size ? place : -1;
}

/* -- Encoding ---------------------------------------------------------- */

typedef struct {
    uint64_t low;
    uint64_t range;
    uint8_t *out;
    Py_ssize_t length;
    Py_ssize_t room;
} Encoder;

/* Appends 16 bits and adds the carry above them to what came before. */
static Result put_word(Encoder *encoder, uint64_t word)
{
    Py_ssize_t i = encoder->length;
    if (encoder->room - i < 2)
        return BROKEN;
    if (word >> 16)
        while (i > 0 && ++encoder->out[--i] == 0)
            ;
    encoder->out[encoder->length++] = (uint8_t)(word >> 8);
    encoder->out[encoder->length++] = (uint8_t)word;
    return DONE;
}

static Result make_room(Encoder *encoder)
{
    Result result = DONE;
    if (encoder->range < LOW_RANGE) {
        result = put_word(encoder, encoder->low >> 32);
        encoder->low = (encoder->low & 0xFFFFFFFF) << 16;
        encoder->range <<= 16;
    }
    return result;
}

static Result put(Encoder *encoder, int32_t start, int32_t end)
{
    if (start < 0 || end <= start || end > TOTAL ||
        make_room(encoder) != DONE)
        return BROKEN;
    encoder->range >>= 16;
    encoder->low += (uint64_t)start * encoder->range;
    encoder->range *= (uint64_t)(end - start);
    return DONE;
}

/* Codes a value by its table; `*escaped` becomes 1 if that has none. */
static Result put_value(Encoder *encoder, const Plan *plan, Py_ssize_t i,
                        const int16_t *codes, int *escaped)
{
    Py_ssize_t place = find_place(plan, i);
    Table table;
    int64_t slot;
    if (place < 0 || !find_table(plan, plan->rows[i], &table))
        return BROKEN;
    slot = (int64_t)codes[place] - table.first;
    *escaped = slot < 0 || slot >= table.escape;
    if (*escaped)
        slot = table.escape;
    return put(encoder, table.sums[slot], table.sums[slot + 1]);
}

/* Chooses the shortest number in the last interval. */
static Result finish(Encoder *encoder)
{
    uint64_t number = 0;
    int zeros;
    if (make_room(encoder) != DONE)
        return BROKEN;
    encoder->range = encoder->range >> 16 << 16;
    for (zeros = 48; zeros >= 32; zeros -= 8) {
        uint64_t ones = ((uint64_t)1 << zeros) - 1;
        number = (encoder->low + ones) & ~ones;
        if (number < encoder->low + encoder->range)
            break;
    }
    for (zeros = 32; zeros >= 0; zeros -= 16) {
        uint64_t word = number >> zeros;
        if (put_word(encoder, zeros == 32 ? word : word & 0xFFFF) != DONE)
            return BROKEN;
    }
    while (encoder->length && encoder->out[encoder->length - 1] == 0)
        encoder->length--;
    return DONE;
}

static Result encode_image(Encoder *encoder, const Plan *plan,
                           const int16_t *codes)
{
    Py_ssize_t coded = plan->active, escapes = 0, i;
    int escaped;
    encoder->low = 0;
    encoder->range = FULL_RANGE;
    encoder->length = 0;
    for (i = 0; i < plan->active; i++) {
        if (put_value(encoder, plan, i, codes, &escaped) != DONE)
            return BROKEN;
        escapes += escaped;
    }
    if (plan->active < plan->size) {
        Table table;
        int raised = 0;
        for (i = plan->active; i < plan->size && !raised; i++) {
            Py_ssize_t place = find_place(plan, i);
            if (place < 0)
                return BROKEN;
            raised = codes[place] != 0;
        }
        /* The flag's table is the first silent coefficient's. */
        if (!find_table(plan, plan->rows[plan->active], &table) ||
            table.escape != 1 ||
            put(encoder, table.sums[raised], table.sums[raised + 1]) != DONE)
            return BROKEN;
        if (raised)
            coded = plan->size;
    }
    for (i = plan->active; i < coded; i++) {
        if (put_value(encoder, plan, i, codes, &escaped) != DONE)
            return BROKEN;
        escapes += escaped;
    }
    for (i = 0; i < coded && escapes; i++) {
        Table table;
        Py_ssize_t place = find_place(plan, i);
        int32_t slot, raw;
        if (place < 0 || !find_table(plan, plan->rows[i], &table))
            return BROKEN;
        slot = codes[place] - table.first;
        if (slot >= 0 && slot < table.escape)
            continue;
        raw = (uint16_t)codes[place];
        if (put(encoder, raw, raw + 1) != DONE)
            return BROKEN;
        escapes--;
    }
    return finish(encoder);
}

/* -- Decoding ---------------------------------------------------------- */

typedef struct {
    uint64_t value; /* The number of the stream less the interval's low. */
    uint64_t range;
    const uint8_t *data;
    Py_ssize_t length;
    Py_ssize_t at; /* Bytes read, understood zeros too. */
} Decoder;

static uint64_t next_word(Decoder *decoder)
{
    uint64_t word = 0;
    if (decoder->at < decoder->length)
        word = (uint64_t)decoder->data[decoder->at] << 8;
    if (decoder->at + 1 < decoder->length)
        word |= decoder->data[decoder->at + 1];
    decoder->at += 2;
    return word;
}

/* Makes range the width of one of 65536; false in no symbol's interval. */
static int open_interval(Decoder *decoder)
{
    if (decoder->range < LOW_RANGE) {
        decoder->value = decoder->value << 16 | next_word(decoder);
        decoder->range <<= 16;
    }
    decoder->range >>= 16;
    return decoder->value < decoder->range << 16;
}

static Result get_symbol(Decoder *decoder, const Table *table, int32_t *symbol)
{
    const int32_t *base = table->sums;
    int32_t count = table->escape + 1;
    int64_t width;
    if (!open_interval(decoder))
        return REFUSED;
    /* The last of `count` sums that is not beyond value. */
    while (count > 1) {
        int32_t half = count / 2;
        if ((uint64_t)(uint32_t)base[half] * decoder->range <= decoder->value)
            base += half;
        count -= half;
    }
    width = (int64_t)base[1] - base[0];
    if (base[0] < 0 || width <= 0 || base[1] > TOTAL)
        return BROKEN;
    decoder->value -= (uint64_t)base[0] * decoder->range;
    decoder->range *= (uint64_t)width;
    *symbol = (int32_t)(base - table->sums);
    return DONE;
}

/* Decodes coefficients; puts the numbers of those that escape into a list. */
static Result get_values(Decoder *decoder, const Plan *plan, Py_ssize_t begin,
                         Py_ssize_t end, int16_t *codes, int32_t *escaped,
                         Py_ssize_t *escapes)
{
    Py_ssize_t i;
    for (i = begin; i < end; i++) {
        Py_ssize_t place = find_place(plan, i);
        Table table;
        int32_t symbol;
        Result result;
        if (place < 0 || !find_table(plan, plan->rows[i], &table))
            return BROKEN;
        result = get_symbol(decoder, &table, &symbol);
        if (result != DONE)
            return result;
        if (symbol == table.escape)
            escaped[(*escapes)++] = (int32_t)i;
        else
            codes[place] = (int16_t)(uint16_t)(table.first + symbol);
    }
    return DONE;
}

static Result get_escaped(Decoder *decoder, const Plan *plan, int16_t *codes,
                          const int32_t *escaped, Py_ssize_t escapes)
{
    Py_ssize_t e;
    for (e = 0; e < escapes; e++) {
        Table table;
        uint64_t raw;
        int32_t code;
        int64_t slot;
        if (!open_interval(decoder))
            return REFUSED;
        raw = decoder->value / decoder->range;
        decoder->value -= raw * decoder->range;
        code = raw < 32768 ? (int32_t)raw : (int32_t)raw - TOTAL;
        if (!find_table(plan, plan->rows[escaped[e]], &table))
            return BROKEN;
        slot = (int64_t)code - table.first;
        if (slot >= 0 && slot < table.escape)
            return REFUSED; /* The table has it. */
        codes[find_place(plan, escaped[e])] = (int16_t)code;
    }
    return DONE;
}

/* Whether all bytes were needed and the encoder had chosen them. */
static int is_shortest(const Decoder *decoder)
{
    Py_ssize_t zeros = decoder->at - decoder->length;
    uint64_t step, last;
    if (decoder->length == 0)
        return 1;
    last = decoder->data[decoder->length - 1];
    if (zeros < 0 || last == 0)
        return 0;
    if (zeros >= 6)
        return 1;
    step = (uint64_t)1 << (8 * zeros);
    return decoder->value < step &&
           decoder->value + (256 - last) * step >= decoder->range;
}

static Result decode_image(Decoder *decoder, const Plan *plan, int16_t *codes,
                           int32_t *escaped)
{
    Py_ssize_t escapes = 0, i;
    int32_t raised = 0;
    Result result;
    int k;
    decoder->value = 0;
    decoder->range = FULL_RANGE;
    decoder->at = 0;
    for (k = 0; k < 3; k++)
        decoder->value = decoder->value << 16 | next_word(decoder);
    memset(codes, 0, 2 * (size_t)plan->size);
    result = get_values(decoder, plan, 0, plan->active, codes, escaped,
                        &escapes);
    if (result == DONE && plan->active < plan->size) {
        Table table;
        if (!find_table(plan, plan->rows[plan->active], &table) ||
            table.escape != 1)
            return BROKEN;
        result = get_symbol(decoder, &table, &raised);
    }
    if (result == DONE && raised)
        result = get_values(decoder, plan, plan->active, plan->size, codes,
                            escaped, &escapes);
    if (result == DONE)
        result = get_escaped(decoder, plan, codes, escaped, escapes);
    if (result != DONE)
        return result;
    if (!open_interval(decoder))
        return REFUSED;
    decoder->range <<= 16;
    if (raised) {
        int any = 0;
        for (i = plan->active; i < plan->size && !any; i++)
            any = codes[find_place(plan, i)] != 0;
        if (!any)
            return REFUSED;
    }
    return is_shortest(decoder) ? DONE : REFUSED;
}

/* -- Python ------------------------------------------------------------ */

static void release(Py_buffer *buffers)
{
    int i;
    for (i = 0; i < BUFFERS; i++)
        PyBuffer_Release(&buffers[i]); /* Does nothing to an empty one. */
}

/* Checks that buffers fit together; fills the plan. Sets an error if not. */
static int read_plan(Py_buffer *buffers, Py_ssize_t active, Plan *plan)
{
    Py_ssize_t items[BUFFERS];
    int i, whole = 1;
    for (i = 0; i < BUFFERS; i++) {
        items[i] = buffers[i].len / ITEM_BYTES[i];
        whole &= buffers[i].len % ITEM_BYTES[i] == 0;
        whole &= (uintptr_t)buffers[i].buf % (uintptr_t)ITEM_BYTES[i] == 0;
    }
    plan->order = buffers[ORDER].buf;
    plan->rows = buffers[ROWS].buf;
    plan->starts = buffers[STARTS].buf;
    plan->firsts = buffers[FIRSTS].buf;
    plan->cumulative = buffers[CUMULATIVE].buf;
    plan->size = items[ORDER];
    plan->active = active;
    plan->tables = items[FIRSTS];
    plan->entries = items[CUMULATIVE];
    if (whole && items[ROWS] == plan->size && plan->size > 0 &&
        plan->size < INT32_MAX / 8 && items[STARTS] == plan->tables + 1 &&
        items[CODES] % plan->size == 0 && active >= 0 &&
        active <= plan->size && plan->entries < INT32_MAX)
        return 1;
    PyErr_SetString(PyExc_ValueError,
                    "Buffers must be those of one plan and its tables.");
    return 0;
}

static void *set_broken(void)
{
    PyErr_SetString(PyExc_ValueError,
                    "Tables and order must be those of `Tables`.");
    return NULL;
}

PyDoc_STRVAR(encode_doc,
             "encode(codes, order, rows, active, starts, firsts, cumulative)\n"
             "\n"
             "Returns a list of one stream for each image of int16 codes.");

static PyObject *encode(PyObject *self, PyObject *args)
{
    Py_buffer buffers[BUFFERS];
    PyObject *streams = NULL;
    Encoder encoder = {0};
    Plan plan;
    Py_ssize_t active, images, i;
    (void)self;
    memset(buffers, 0, sizeof buffers);
    if (!PyArg_ParseTuple(args, "y*y*y*ny*y*y*:encode", &buffers[CODES],
                          &buffers[ORDER], &buffers[ROWS], &active,
                          &buffers[STARTS], &buffers[FIRSTS],
                          &buffers[CUMULATIVE]) ||
        !read_plan(buffers, active, &plan))
        goto done;
    images = buffers[CODES].len / 2 / plan.size;
    /* A symbol moves at most 16 bits out; there are a coefficient's and its
     * escaped value, a flag, and 48 bits in the window. */
    encoder.room = 4 * plan.size + 16;
    encoder.out = PyMem_Malloc((size_t)encoder.room);
    if (encoder.out == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    streams = PyList_New(images);
    for (i = 0; streams != NULL && i < images; i++) {
        const int16_t *codes = (const int16_t *)buffers[CODES].buf;
        PyObject *stream = NULL;
        if (encode_image(&encoder, &plan, codes + i * plan.size) == DONE)
            stream = PyBytes_FromStringAndSize((const char *)encoder.out,
                                               encoder.length);
        else
            set_broken();
        if (stream == NULL || PyList_SetItem(streams, i, stream) < 0) {
            Py_DECREF(streams);
            streams = NULL;
        }
    }
done:
    PyMem_Free(encoder.out);
    release(buffers);
    return streams;
}

PyDoc_STRVAR(decode_doc,
             "decode(data, codes, order, rows, active, starts, firsts, "
             "cumulative)\n"
             "\n"
             "Decodes a stream into writable int16 `codes`; returns whether "
             "it is one.");

static PyObject *decode(PyObject *self, PyObject *args)
{
    Py_buffer buffers[BUFFERS];
    PyObject *answer = NULL;
    int32_t *escaped = NULL;
    Decoder decoder;
    Plan plan;
    Py_ssize_t active;
    Result result;
    (void)self;
    memset(buffers, 0, sizeof buffers);
    if (!PyArg_ParseTuple(args, "y*w*y*y*ny*y*y*:decode", &buffers[DATA],
                          &buffers[CODES], &buffers[ORDER], &buffers[ROWS],
                          &active, &buffers[STARTS], &buffers[FIRSTS],
                          &buffers[CUMULATIVE]) ||
        !read_plan(buffers, active, &plan))
        goto done;
    if (buffers[CODES].len != 2 * plan.size) {
        PyErr_SetString(PyExc_ValueError, "Codes must be one image's.");
        goto done;
    }
    escaped = PyMem_Malloc(sizeof(int32_t) * (size_t)plan.size);
    if (escaped == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    decoder.data = buffers[DATA].buf;
    decoder.length = buffers[DATA].len;
    result = decode_image(&decoder, &plan, buffers[CODES].buf, escaped);
    answer = result == BROKEN ? set_broken() : PyBool_FromLong(result == DONE);
done:
    PyMem_Free(escaped);
    release(buffers);
    return answer;
}

static PyMethodDef methods[] = {
    {"encode", encode, METH_VARARGS, encode_doc},
    {"decode", decode, METH_VARARGS, decode_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    "_range_coder",
    "The range coder of `range_coder`, in C.",
    0,
    methods,
    NULL,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__range_coder(void)
{
    return PyModuleDef_Init(&module);
}
