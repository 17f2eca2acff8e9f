package stet.testkit;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import stet.repository.BlobSink;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.tree.Node;
import stet.repository.tree.NodeType;
import stet.repository.tree.Tree;

/** Blobs in memory, for tests that need no repository around them. Safe for several threads. */
public final class MemoryBlobs implements BlobSink, BlobSource {
  private record Key(BlobType type, Id id) {}

  private final Map<Key, byte[]> blobs = new ConcurrentHashMap<>();
  private final AtomicLong saved = new AtomicLong();
  private final AtomicLong savedData = new AtomicLong();

  @Override
  public Id save(BlobType type, byte[] bytes, int offset, int length) {
    Id id = Id.of(bytes, offset, length);
    blobs.computeIfAbsent(
        new Key(type, id), key -> Arrays.copyOfRange(bytes, offset, offset + length));
    saved.incrementAndGet();
    if (type == BlobType.DATA) {
      savedData.incrementAndGet();
    }
    return id;
  }

  @Override
  public boolean holds(BlobType type, Id id) {
    return blobs.containsKey(new Key(type, id));
  }

  @Override
  public byte[] load(BlobType type, Id id) {
    byte[] bytes = blobs.get(new Key(type, id));
    if (bytes == null) {
      throw new RepositoryException(
          RepositoryException.Problem.DAMAGED, "blob " + id.shortText() + " is unknown", null);
    }
    return bytes.clone();
  }

  @Override
  public long length(Id id) {
    return load(BlobType.DATA, id).length;
  }

  @Override
  public <E extends Exception> void read(List<Id> content, BlobConsumer<E> consumer) throws E {
    for (Id id : content) {
      consumer.accept(load(BlobType.DATA, id));
    }
  }

  /** How many different blobs there are. */
  public int size() {
    return blobs.size();
  }

  /** How often a blob was saved, known or not. */
  public long saves() {
    return saved.get();
  }

  /** How often a data blob was saved since {@link #resetDataSaves}, known or not. */
  public long dataSaves() {
    return savedData.get();
  }

  /** Starts to count {@link #dataSaves} anew. */
  public void resetDataSaves() {
    savedData.set(0);
  }

  /** Removes a blob, as damage would. */
  public void remove(BlobType type, Id id) {
    blobs.remove(new Key(type, id));
  }

  /** The entries of a directory. */
  public List<Node> list(Node directory) {
    return Tree.decode(load(BlobType.TREE, directory.requireSubtree()));
  }

  /**
   * The node at a path below a directory, such as {@code data/public.orders}.
   *
   * @throws AssertionError if there is none
   */
  public Node find(Node directory, String path) {
    Node node = directory;
    for (String name : path.split("/", -1)) {
      node =
          list(node).stream()
              .filter(entry -> entry.name().equals(name))
              .findFirst()
              .orElseThrow(() -> new AssertionError("no " + name + " on the way to " + path));
    }
    return node;
  }

  /** The content of a file. */
  public byte[] content(Node file) {
    byte[] bytes = new byte[Math.toIntExact(file.size())];
    int at = 0;
    for (Id id : file.content()) {
      byte[] blob = load(BlobType.DATA, id);
      System.arraycopy(blob, 0, bytes, at, blob.length);
      at += blob.length;
    }
    if (at != bytes.length) {
      throw new AssertionError(
          file.name() + " should have " + file.size() + " bytes, but its blobs have " + at);
    }
    return bytes;
  }

  /** The content of a file as UTF-8 text. */
  public String text(Node file) {
    return new String(content(file), StandardCharsets.UTF_8);
  }

  /** Writes the files and directories below a directory out, contents only. */
  public void writeTo(Node directory, Path target) throws IOException {
    Files.createDirectories(target);
    for (Node node : list(directory)) {
      Path path = target.resolve(node.name());
      if (node.type() == NodeType.DIRECTORY) {
        writeTo(node, path);
      } else if (node.type() == NodeType.FILE) {
        long written = 0;
        try (OutputStream out = Files.newOutputStream(path)) {
          for (Id id : node.content()) {
            byte[] blob = load(BlobType.DATA, id);
            out.write(blob);
            written += blob.length;
          }
        }
        if (written != node.size()) {
          throw new AssertionError(
              path + " should have " + node.size() + " bytes, but its blobs have " + written);
        }
      } else {
        throw new AssertionError(path + " is a " + node.type().text());
      }
    }
  }
}
