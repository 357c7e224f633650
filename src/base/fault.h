/* Fault points: named places where a test build kills the process.
 *
 * With -Dfault_points=true, PENSTOCK_FAULT=NAME:N makes the N-th pass through the point NAME end
 * the process as SIGKILL would; PENSTOCK_FAULT_LOG=FILE appends the name of each point that is
 * passed, a line each. In other builds they cost nothing. */
#ifndef PENSTOCK_BASE_FAULT_H
#define PENSTOCK_BASE_FAULT_H

#ifdef PENSTOCK_FAULT_POINTS
void fault_point(const char *name);
#else
static inline void fault_point(const char *name)
{
    (void)name;
}
#endif

#endif
