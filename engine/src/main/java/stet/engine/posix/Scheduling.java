package stet.engine.posix;

import stet.engine.posix.Kernel.Scratch;

/** How the kernel schedules threads. */
public final class Scheduling {
  private static final int SCHED_OTHER = 0;
  private static final int SCHED_BATCH = 3;

  private Scheduling() {}

  /**
   * Makes this thread, and the threads and processes that it begins, work in bulk: it keeps its
   * share of the processors, but no longer takes one from somebody else at the moment it is woken
   * (sched(7), {@code SCHED_BATCH}). A server that is read from is then not stopped after every few
   * kilobytes it sends. Whoever was given another policy than the usual one keeps it.
   */
  public static void batch() {
    try {
      Scratch scratch = Scratch.get();
      if (Kernel.call(scratch, Kernel.SCHED_GETSCHEDULER, 0, 0, 0, 0, 0) == SCHED_OTHER) {
        // The one parameter is the priority, of which this policy has none. A kernel that refuses
        // leaves all as it was, which costs time alone.
        long parameter = scratch.struct.asSlice(0, Integer.BYTES).fill((byte) 0).address();
        Kernel.call(scratch, Kernel.SCHED_SETSCHEDULER, 0, SCHED_BATCH, parameter, 0, 0);
      }
    } catch (LinkageError e) {
      // This is not a system whose calls are known, and all works there without.
      return;
    }
  }
}
