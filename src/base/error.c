#include "base/error.h"

typedef struct error_detail PenstockErrorPrivate;

static void penstock_error_private_init(PenstockErrorPrivate *detail)
{
    *detail = (struct error_detail){0};
}

static void penstock_error_private_copy(const PenstockErrorPrivate *from, PenstockErrorPrivate *to)
{
    *to = *from;
}

static void penstock_error_private_clear(PenstockErrorPrivate *detail)
{
    (void)detail; /* owns nothing */
}

G_DEFINE_EXTENDED_ERROR(PenstockError, penstock_error)

static bool is_ours(const GError *error)
{
    return error && error->domain == PENSTOCK_ERROR;
}

const struct error_detail *error_detail(const GError *error)
{
    static const struct error_detail unknown = {0};

    return is_ours(error) ? penstock_error_get_private(error) : &unknown;
}

void error_set_detail(GError *error, const struct error_detail *detail)
{
    if (!is_ours(error))
        return;
    PenstockErrorPrivate *own = penstock_error_get_private(error);
    *own = *detail;
    own->request_id[sizeof(own->request_id) - 1] = '\0';
}

bool error_is(const GError *error, enum penstock_error code)
{
    return is_ours(error) && error->code == (int)code;
}

const char *error_code_name(const GError *error)
{
    if (!is_ours(error))
        return "other";
    switch ((enum penstock_error)error->code) {
    case PENSTOCK_ERROR_RETRY:
        return "retry";
    case PENSTOCK_ERROR_THROTTLED:
        return "throttled";
    case PENSTOCK_ERROR_PARKED:
        return "parked";
    case PENSTOCK_ERROR_AUTH:
        return "auth";
    case PENSTOCK_ERROR_GONE:
        return "gone";
    case PENSTOCK_ERROR_REFUSED:
        return "refused";
    case PENSTOCK_ERROR_TOO_LARGE:
        return "too_large";
    case PENSTOCK_ERROR_DATA:
        return "data";
    case PENSTOCK_ERROR_CONFIG:
        return "config";
    case PENSTOCK_ERROR_STORAGE:
        return "storage";
    case PENSTOCK_ERROR_FENCED:
        return "fenced";
    case PENSTOCK_ERROR_GUARD:
        return "guard";
    case PENSTOCK_ERROR_CANCELLED:
        return "cancelled";
    case PENSTOCK_ERROR_BUG:
        return "bug";
    }
    return "other";
}
