package stet.repository;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Reads and writes integers in byte arrays. */
public final class Bytes {
  private static final VarHandle LONG_BE =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle LONG_LE =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT_LE =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private Bytes() {}

  public static long longBe(byte[] bytes, int offset) {
    return (long) LONG_BE.get(bytes, offset);
  }

  public static void putLongBe(byte[] bytes, int offset, long value) {
    LONG_BE.set(bytes, offset, value);
  }

  public static long longLe(byte[] bytes, int offset) {
    return (long) LONG_LE.get(bytes, offset);
  }

  public static void putLongLe(byte[] bytes, int offset, long value) {
    LONG_LE.set(bytes, offset, value);
  }

  public static int intLe(byte[] bytes, int offset) {
    return (int) INT_LE.get(bytes, offset);
  }

  public static void putIntLe(byte[] bytes, int offset, int value) {
    INT_LE.set(bytes, offset, value);
  }
}
