package stet.engine.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Names of users and groups, as the C library finds them (files, LDAP, …), each looked up once.
 * Safe for use by several threads.
 */
@SuppressWarnings("restricted")
public final class Accounts {
  private static final int FIRST_SIZE = 16 << 10;
  private static final int LAST_SIZE = 16 << 20;

  private static final MethodHandle GETPWUID = handle("getpwuid_r");
  private static final MethodHandle GETGRGID = handle("getgrgid_r");

  private final ConcurrentHashMap<Long, String> users = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<Long, String> groups = new ConcurrentHashMap<>();

  private static MethodHandle handle(String name) {
    return Linker.nativeLinker()
        .downcallHandle(
            Kernel.symbol(name),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_LONG,
                ValueLayout.ADDRESS));
  }

  /** The effective user of this process. */
  public static long self() {
    return Kernel.call(Kernel.Scratch.get(), Kernel.GETEUID, 0, 0, 0, 0, 0);
  }

  /** The user's name, or an empty text if it has none. */
  public String user(long uid) {
    return users.computeIfAbsent(uid, id -> look(GETPWUID, id));
  }

  /** The group's name, or an empty text if it has none. */
  public String group(long gid) {
    return groups.computeIfAbsent(gid, id -> look(GETGRGID, id));
  }

  private static String look(MethodHandle function, long id) {
    for (int size = FIRST_SIZE; size <= LAST_SIZE; size *= 4) {
      try (Arena arena = Arena.ofConfined()) {
        // struct passwd has 48 bytes, struct group 32; both begin with the pointer to the name.
        MemorySegment structure = arena.allocate(64, 8);
        MemorySegment buffer = arena.allocate(size);
        MemorySegment result = arena.allocate(ValueLayout.ADDRESS);
        int error = (int) function.invokeExact((int) id, structure, buffer, (long) size, result);
        if (error == Kernel.ERANGE) {
          continue;
        }
        if (error != 0 || result.get(ValueLayout.ADDRESS, 0).equals(MemorySegment.NULL)) {
          return "";
        }
        return structure.get(ValueLayout.ADDRESS, 0).reinterpret(size).getString(0);
      } catch (Throwable t) {
        throw new LinkageError("the name of an account could not be looked up", t);
      }
    }
    return "";
  }
}
