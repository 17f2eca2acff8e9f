package stet.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** Passes connections on to a server, and cuts all of them once after a chosen number of bytes. */
final class Cutter implements AutoCloseable {
  /** Which way the bytes that are counted go. */
  enum Direction {
    TO_SERVER,
    FROM_SERVER
  }

  private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final int server;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicLong[] passed = {new AtomicLong(), new AtomicLong()};
  private volatile Direction counted = Direction.TO_SERVER;
  private final AtomicLong limit = new AtomicLong(Long.MAX_VALUE);

  /** Passes on to a port of this machine. */
  Cutter(int server) throws IOException {
    this.server = server;
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  /** Begins to count anew, and cuts after so many bytes. */
  void cutAfter(Direction direction, long bytes) {
    limit.set(Long.MAX_VALUE);
    for (AtomicLong each : passed) {
      each.set(0);
    }
    counted = direction;
    limit.set(bytes);
  }

  /** How many bytes went that way since {@link #cutAfter}. */
  long passed(Direction direction) {
    return passed[direction.ordinal()].get();
  }

  /** Whether it has cut. */
  boolean hasCut() {
    return limit.get() == -1;
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listener.accept();
        Socket forward = new Socket(InetAddress.getLoopbackAddress(), server);
        open.add(client);
        open.add(forward);
        Thread.ofVirtual().start(() -> pass(client, forward, Direction.TO_SERVER));
        Thread.ofVirtual().start(() -> pass(forward, client, Direction.FROM_SERVER));
      }
    } catch (IOException e) {
      cut();
    }
  }

  private void pass(Socket from, Socket to, Direction direction) {
    byte[] buffer = new byte[8192];
    try (from;
        to) {
      InputStream input = from.getInputStream();
      OutputStream output = to.getOutputStream();
      for (int length = input.read(buffer); length >= 0; length = input.read(buffer)) {
        long all = passed[direction.ordinal()].addAndGet(length);
        long most = limit.get();
        if (direction == counted && most >= 0 && all > most && limit.compareAndSet(most, -1)) {
          // The last bytes before the cut go through, so that it may fall into any message.
          output.write(buffer, 0, (int) Math.max(0, length - (all - most)));
          cut();
          return;
        }
        output.write(buffer, 0, length);
      }
    } catch (IOException e) {
      // One side is gone, so the other goes too.
      return;
    } finally {
      open.remove(from);
      open.remove(to);
    }
  }

  private void cut() {
    // A connection that answers the first of these ends is a new one, and not to be cut.
    for (Socket socket : List.copyOf(open)) {
      try {
        socket.close();
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    cut();
  }
}
