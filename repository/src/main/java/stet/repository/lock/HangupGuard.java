package stet.repository.lock;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Ignores SIGHUP while at least one guard is open.
 *
 * <p>The platform's only way to do that is {@code sun.misc.Signal} of the module {@code
 * jdk.unsupported}. It is reached by name because the compiler's warning about it cannot be
 * suppressed.
 */
final class HangupGuard implements AutoCloseable {
  /** Sets the handler of SIGHUP and returns the one before. */
  private static final MethodHandle HANDLE;

  private static final Object IGNORE;
  private static int open;
  private static Object before = new Object();

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object hangup =
          lookup
              .findConstructor(signal, MethodType.methodType(void.class, String.class))
              .invoke("HUP");
      HANDLE =
          lookup
              .findStatic(signal, "handle", MethodType.methodType(handler, signal, handler))
              .bindTo(hangup)
              .asType(MethodType.methodType(Object.class, Object.class));
      IGNORE = lookup.findStaticGetter(handler, "SIG_IGN", handler).invoke();
    } catch (Throwable e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private boolean closed;

  private HangupGuard() {}

  static HangupGuard ignore() {
    synchronized (HangupGuard.class) {
      if (open++ == 0) {
        before = set(IGNORE);
      }
    }
    return new HangupGuard();
  }

  private static Object set(Object handler) {
    try {
      return HANDLE.invokeExact(handler);
    } catch (Throwable e) {
      throw new IllegalStateException("cannot set the handler of SIGHUP", e);
    }
  }

  @Override
  public void close() {
    synchronized (HangupGuard.class) {
      if (!closed) {
        closed = true;
        if (--open == 0) {
          set(before);
        }
      }
    }
  }
}
