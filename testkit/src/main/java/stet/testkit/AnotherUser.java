package stet.testkit;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.Callable;

/**
 * What a test run as root does on the file system as somebody else, without any of root's powers
 * there. It holds for the calling thread, and threads that it starts meanwhile.
 */
@SuppressWarnings("restricted")
public final class AnotherUser {
  /** The number of the user and of his group. */
  public static final int ID = 12345;

  private static final MethodHandle SETFSUID = handle("setfsuid");
  private static final MethodHandle SETFSGID = handle("setfsgid");

  private AnotherUser() {}

  private static MethodHandle handle(String name) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name),
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
  }

  /** Does something as the user {@link #ID}. */
  public static <T> T call(Callable<T> work) throws Exception {
    become(ID);
    try {
      return work.call();
    } finally {
      become(0);
    }
  }

  private static void become(int id) {
    try {
      int _ = (int) SETFSGID.invokeExact(id);
      int _ = (int) SETFSUID.invokeExact(id);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }
}
