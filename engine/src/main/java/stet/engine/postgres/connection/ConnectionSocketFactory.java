package stet.engine.postgres.connection;

import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.concurrent.locks.LockSupport;
import javax.net.SocketFactory;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;

/**
 * Makes the driver's sockets: to a unix domain socket ({@code unix:PATH}, or {@code unix:PATH} with
 * {@code peer:USER} on a second line, the user that the server must run as), to the host's name
 * ({@code name}), or to a numeric address that differs from it ({@code addr:ADDRESS}). Public
 * because the driver makes it by name.
 *
 * <p>All of them read ahead: the driver itself reads 8 KiB at a time, and a COPY of gigabytes would
 * spend much of its time in system calls.
 */
public final class ConnectionSocketFactory extends SocketFactory {
  private static final int READ_AHEAD = 128 << 10;

  private final String where;

  /** Called by the driver with its property {@code socketFactoryArg}. */
  public ConnectionSocketFactory(String where) {
    this.where = where;
  }

  @Override
  public Socket createSocket() throws SocketException {
    if (where.startsWith("unix:")) {
      String rest = where.substring("unix:".length());
      int end = rest.indexOf('\n');
      return end < 0
          ? new UnixSocket(rest, null)
          : new UnixSocket(rest.substring(0, end), rest.substring(end + "\npeer:".length()));
    }
    return new InternetSocket(where.equals("name") ? null : where.substring("addr:".length()));
  }

  @Override
  public Socket createSocket(String host, int port) throws IOException {
    throw new IOException("the driver connects its sockets itself");
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress local, int localPort)
      throws IOException {
    return createSocket(host, port);
  }

  @Override
  public Socket createSocket(InetAddress host, int port) throws IOException {
    return createSocket(host.getHostAddress(), port);
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort)
      throws IOException {
    return createSocket(host.getHostAddress(), port);
  }

  /**
   * Lets gather what the server sends in bulk. It sends 8 KiB at a time, and to be woken for each
   * of them costs this process and the server, whose processor it takes, more than the copying.
   */
  private static final class Bulk {
    /** An answer is bulk once it has so many bytes. */
    private static final long LEAST = 256 << 10;

    /** So many bytes are worth waking up for. */
    private static final int ENOUGH = 64 << 10;

    /** What a server sends meanwhile fits into the buffers of the smallest socket. */
    private static final long PAUSE_NANOS = 100_000;

    private long received;

    InputStream input(InputStream source) {
      return new FilterInputStream(source) {
        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
          if (received >= LEAST && in.available() < ENOUGH) {
            LockSupport.parkNanos(PAUSE_NANOS);
          }
          int count = in.read(bytes, offset, length);
          received += Math.max(0, count);
          return count;
        }
      };
    }

    OutputStream output(OutputStream target) {
      return new FilterOutputStream(target) {
        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
          received = 0;
          out.write(bytes, offset, length);
        }
      };
    }
  }

  private static final class InternetSocket extends Socket {
    private final @Nullable String address;
    private final Bulk bulk = new Bulk();
    private @Nullable InputStream input;

    InternetSocket(@Nullable String address) {
      this.address = address;
    }

    @Override
    public void connect(SocketAddress endpoint, int timeout) throws IOException {
      if (address == null) {
        super.connect(endpoint, timeout);
        return;
      }
      InetSocketAddress asked = (InetSocketAddress) endpoint;
      super.connect(
          new InetSocketAddress(InetAddress.getByName(address), asked.getPort()), timeout);
    }

    @Override
    public synchronized InputStream getInputStream() throws IOException {
      InputStream ahead = input;
      if (ahead == null) {
        ahead = new BufferedInputStream(bulk.input(super.getInputStream()), READ_AHEAD);
        input = ahead;
      }
      return ahead;
    }

    @Override
    public OutputStream getOutputStream() throws IOException {
      return bulk.output(super.getOutputStream());
    }
  }

  /**
   * A {@link Socket} over a unix domain socket channel. The channel does not block, so that reads
   * can time out: the driver peeks with a time-out of a millisecond.
   */
  private static final class UnixSocket extends Socket {
    private final String path;
    private final @Nullable String peer;
    private final SocketChannel channel;
    private final Selector readable;
    private final Selector writable;
    private final Bulk bulk = new Bulk();
    private final InputStream input =
        new BufferedInputStream(bulk.input(channelInput()), READ_AHEAD);
    private volatile int timeout;

    UnixSocket(String path, @Nullable String peer) throws SocketException {
      this.path = path;
      this.peer = peer;
      try {
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        readable = Selector.open();
        writable = Selector.open();
      } catch (IOException e) {
        throw socketException(e);
      }
    }

    private static SocketException socketException(IOException e) {
      SocketException result = new SocketException(e.getMessage());
      result.initCause(e);
      return result;
    }

    @Override
    public void connect(SocketAddress endpoint, int connectTimeout) throws IOException {
      try {
        channel.connect(UnixDomainSocketAddress.of(path));
      } catch (IOException e) {
        throw new IOException("socket " + path + ": " + e.getMessage(), e);
      }
      if (peer != null) {
        String user = channel.getOption(ExtendedSocketOptions.SO_PEERCRED).user().getName();
        if (!user.equals(peer)) {
          throw new IOException(
              "requirepeer is \"" + peer + "\", but the server runs as \"" + user + "\"");
        }
      }
      channel.configureBlocking(false);
      channel.register(readable, SelectionKey.OP_READ);
      channel.register(writable, SelectionKey.OP_WRITE);
    }

    @Override
    public InputStream getInputStream() {
      return input;
    }

    private InputStream channelInput() {
      return new InputStream() {
        @Override
        public int read() throws IOException {
          byte[] one = new byte[1];
          return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
          if (length == 0) {
            return 0;
          }
          ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
          while (true) {
            int count = channel.read(buffer);
            if (count != 0) {
              return count;
            }
            int limit = timeout;
            readable.selectedKeys().clear();
            if (readable.select(limit) == 0) {
              if (Thread.currentThread().isInterrupted()) {
                throw new IOException("interrupted while waiting for the server");
              }
              if (limit > 0) {
                throw new SocketTimeoutException("no answer within " + limit + " ms");
              }
            }
          }
        }
      };
    }

    @Override
    public OutputStream getOutputStream() {
      return bulk.output(channelOutput());
    }

    private OutputStream channelOutput() {
      return new OutputStream() {
        @Override
        public void write(int b) throws IOException {
          write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
          ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
          while (buffer.hasRemaining()) {
            if (channel.write(buffer) == 0) {
              writable.selectedKeys().clear();
              if (writable.select() == 0 && Thread.currentThread().isInterrupted()) {
                throw new IOException("interrupted while sending to the server");
              }
            }
          }
        }
      };
    }

    @Override
    public void setSoTimeout(int milliseconds) {
      timeout = milliseconds;
    }

    @Override
    public int getSoTimeout() {
      return timeout;
    }

    @Override
    public boolean isConnected() {
      return channel.isConnected();
    }

    @Override
    public boolean isClosed() {
      return !channel.isOpen();
    }

    @Override
    public void shutdownOutput() throws IOException {
      channel.shutdownOutput();
    }

    @Override
    public void close() throws IOException {
      channel.close();
      readable.close();
      writable.close();
    }

    // The rest of what the driver calls means nothing on a unix domain socket.

    @Override
    public void setTcpNoDelay(boolean on) {}

    @Override
    public void setKeepAlive(boolean on) {}

    @Override
    public void setSoLinger(boolean on, int seconds) {}

    @Override
    public void setReceiveBufferSize(int size) {}

    @Override
    public int getReceiveBufferSize() {
      return 65_536;
    }

    @Override
    public void setSendBufferSize(int size) {}

    @Override
    public int getSendBufferSize() {
      return 65_536;
    }
  }
}
