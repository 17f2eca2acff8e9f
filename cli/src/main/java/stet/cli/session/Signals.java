package stet.cli.session;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;

/**
 * What happens on INT, TERM and HUP: the first asks the command to end, by interrupting its thread
 * and running what was registered for that; the second ends the process at once. HUP counts like
 * the others, but is ignored while something must not be left behind, such as a repository's lock.
 *
 * <p>Safe for use by several threads.
 */
public final class Signals {
  private final Runnable endAtOnce;
  private final Runnable announce;
  private final List<Runnable> actions = new ArrayList<>();
  private final Thread command;
  private int hangupsIgnored;
  private boolean stopped;

  /**
   * Nothing happens before {@link #install()}.
   *
   * @param command the thread that is interrupted
   * @param announce tells the user that the process ends
   * @param endAtOnce ends the process
   */
  public Signals(Thread command, Runnable announce, Runnable endAtOnce) {
    this.command = command;
    this.announce = announce;
    this.endAtOnce = endAtOnce;
  }

  /** Takes over the signals of this process. */
  public void install() {
    try {
      // Nothing else in Java tells one signal from another. By reflection, because javac's warning
      // of the name cannot be silenced.
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Method handle = signal.getMethod("handle", signal, handler);
      for (String name : List.of("INT", "TERM", "HUP")) {
        Object receiver =
            Proxy.newProxyInstance(
                Signals.class.getClassLoader(),
                new Class<?>[] {handler},
                (proxy, method, arguments) -> {
                  if (method.getDeclaringClass().equals(Object.class)) {
                    return method.invoke(name, arguments);
                  }
                  received(name);
                  return null;
                });
        handle.invoke(null, signal.getConstructor(String.class).newInstance(name), receiver);
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this Java has no signals: the module jdk.unsupported", e);
    }
  }

  /** What to do until the registration is closed. */
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Registers what wakes a command that waits for something an interrupt does not reach, such as a
   * server's answer. Runs at once if the process was asked to stop already.
   *
   * @param action must be quick, and harmless at any time
   */
  public Registration onStop(Runnable action) {
    synchronized (this) {
      if (!stopped) {
        actions.add(action);
        return () -> remove(action);
      }
    }
    action.run();
    return () -> {};
  }

  private synchronized void remove(Runnable action) {
    actions.remove(action);
  }

  /** Ignores HUP until the registration is closed; several add up. */
  public synchronized Registration ignoreHangup() {
    hangupsIgnored++;
    return new Registration() {
      private boolean closed;

      @Override
      public void close() {
        synchronized (Signals.this) {
          if (!closed) {
            closed = true;
            hangupsIgnored--;
          }
        }
      }
    };
  }

  /** Whether the process was asked to stop. */
  public synchronized boolean stopped() {
    return stopped;
  }

  /** What a signal does. */
  void received(String name) {
    List<Runnable> wake;
    synchronized (this) {
      if (name.equals("HUP") && hangupsIgnored > 0) {
        return;
      }
      if (stopped) {
        endAtOnce.run();
        return;
      }
      stopped = true;
      wake = List.copyOf(actions);
      actions.clear();
    }
    announce.run();
    command.interrupt();
    wake.forEach(Runnable::run);
  }
}
