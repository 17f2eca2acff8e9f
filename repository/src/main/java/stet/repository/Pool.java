package stet.repository;

import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Supplier;

/**
 * Costly objects that one thread at a time may use, kept for the next user.
 *
 * <p>A pool rather than a {@link ThreadLocal}: there are as many objects as were in use at once,
 * not as many as threads ever asked, which matters with virtual threads. Safe for use by several
 * threads.
 */
public final class Pool<T> {
  private final ConcurrentLinkedDeque<T> idle = new ConcurrentLinkedDeque<>();
  private final Supplier<? extends T> factory;

  public Pool(Supplier<? extends T> factory) {
    this.factory = factory;
  }

  /** An object that nobody else uses until it is given back. */
  public T take() {
    T object = idle.pollFirst();
    return object == null ? factory.get() : object;
  }

  /** Gives back an object for others; one that may be in a bad state is better dropped. */
  public void give(T object) {
    idle.addFirst(object);
  }
}
