#include "json/simdjson_shim.h"

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <memory>
#include <new>

/* simdjson's parsers grow only: so few steps are needed, and small documents cost little. */
static constexpr size_t CAPACITY_STEP = 64 * 1024;

struct shim {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> kernel;
};

/* The depth is of no use to the first stage. */
static constexpr size_t NO_DEPTH = 1;

struct shim *shim_new(void)
{
    std::unique_ptr<shim> self(new (std::nothrow) shim);

    if (!self || simdjson::get_active_implementation()->create_dom_parser_implementation(
                     CAPACITY_STEP, NO_DEPTH, self->kernel) != simdjson::SUCCESS)
        return nullptr;
    return self.release();
}

void shim_free(struct shim *shim)
{
    delete shim;
}

static bool make_room(struct shim *shim, size_t length)
{
    size_t capacity = (length / CAPACITY_STEP + 1) * CAPACITY_STEP;

    if (length <= shim->kernel->capacity())
        return true;
    if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES)
        capacity = simdjson::SIMDJSON_MAXSIZE_BYTES;
    return shim->kernel->allocate(capacity, NO_DEPTH) == simdjson::SUCCESS;
}

enum shim_result shim_scan(struct shim *shim, const char *bytes, size_t length,
                           const uint32_t **ret_tokens, size_t *ret_count)
{
    if (!make_room(shim, length))
        return SHIM_NO_MEMORY;
    switch (shim->kernel->stage1(reinterpret_cast<const uint8_t *>(bytes), length,
                                 simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS:
        break;
    case simdjson::EMPTY:
        return SHIM_EMPTY;
    case simdjson::MEMALLOC:
        return SHIM_NO_MEMORY;
    default:
        return SHIM_MALFORMED;
    }
    size_t count = shim->kernel->n_structural_indexes;
    uint32_t *tokens = shim->kernel->structural_indexes.get();
    /* simdjson leaves room for three entries more, and sets them so; it nowhere promises it. */
    tokens[count] = static_cast<uint32_t>(length);
    *ret_tokens = tokens;
    *ret_count = count;
    return SHIM_OK;
}
