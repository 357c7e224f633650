/* Handover: tells ThreadSanitizer what GLib's queues and mutexes do.
 *
 * GLib synchronises by futexes of its own, which ThreadSanitizer cannot see in a distribution's
 * build; without these two words every object that travels through a GAsyncQueue would look raced
 * for. give before the push or unlock, take after the pop or lock. In other builds they are
 * nothing. */
#ifndef PENSTOCK_BASE_HANDOVER_H
#define PENSTOCK_BASE_HANDOVER_H

#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *object);
void __tsan_release(void *object);
#define handover_give(object) __tsan_release(object)
#define handover_take(object) __tsan_acquire(object)
#else
#define handover_give(object) ((void)(object))
#define handover_take(object) ((void)(object))
#endif

#endif
