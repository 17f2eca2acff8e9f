package stet.testkit;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.PackWriter;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;

/** Fills a repository with snapshots of made-up files, as a careful client would. */
public final class RepositoryBuilder {
  /** A time that all made-up files have. */
  public static final Instant TIME = Instant.parse("2024-01-02T03:04:05.678Z");

  private static final int BLOB = 100_000;

  private RepositoryBuilder() {}

  /** Made-up files: text that compresses and noise that does not, from empty to several blobs. */
  public static Map<String, byte[]> files(long seed, int count) {
    Random random = new Random(seed);
    Map<String, byte[]> files = new TreeMap<>();
    for (int i = 0; i < count; i++) {
      byte[] bytes = new byte[i == 0 ? 0 : random.nextInt(3 * BLOB)];
      if (random.nextBoolean()) {
        random.nextBytes(bytes);
      } else {
        byte[] word =
            ("word " + i + " of " + seed + " ").getBytes(java.nio.charset.StandardCharsets.UTF_8);
        for (int at = 0; at < bytes.length; at++) {
          bytes[at] = word[at % word.length];
        }
      }
      files.put("file-" + i, bytes);
    }
    return files;
  }

  /**
   * Backs the files up under {@code /directory} in one snapshot.
   *
   * @return the snapshot's id
   */
  public static Id backUp(Repository repository, Map<String, byte[]> files) {
    try (RepositoryLock lock = repository.lock(false)) {
      repository.loadIndex();
      try (PackWriter writer = repository.newWriter()) {
        Id tree = save(writer, files);
        writer.flush();
        lock.check();
        return repository.saveSnapshot(
            Snapshot.builder(OffsetDateTime.ofInstant(TIME, ZoneOffset.UTC), tree)
                .paths(List.of("/directory"))
                .hostname("testkit")
                .tags(List.of("test"))
                .build());
      }
    }
  }

  /** Saves the files under {@code directory} and returns the root tree. */
  public static Id save(PackWriter writer, Map<String, byte[]> files) {
    List<Node> nodes = new ArrayList<>();
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      byte[] bytes = file.getValue();
      List<Id> content = new ArrayList<>();
      for (int at = 0; at < bytes.length; at += BLOB) {
        content.add(writer.save(BlobType.DATA, bytes, at, Math.min(BLOB, bytes.length - at)));
      }
      nodes.add(Node.file(file.getKey(), TIME, bytes.length, content));
    }
    nodes.sort(Comparator.comparing(Node::nameBytes, Arrays::compareUnsigned));
    Id directory = writer.save(BlobType.TREE, Tree.encode(nodes));
    return writer.save(
        BlobType.TREE, Tree.encode(List.of(Node.directory("directory", TIME, directory))));
  }

  /** Reads a snapshot's files back. */
  public static Map<String, byte[]> read(Repository repository, Id snapshot) {
    Map<String, byte[]> files = new TreeMap<>();
    Id root = repository.snapshot(snapshot).tree();
    for (Node directory : repository.tree(root)) {
      for (Node node : repository.tree(directory.requireSubtree())) {
        byte[] bytes = new byte[(int) node.size()];
        int[] position = {0};
        repository
            .reader()
            .<RuntimeException>read(
                node.content(),
                piece -> {
                  System.arraycopy(piece, 0, bytes, position[0], piece.length);
                  position[0] += piece.length;
                });
        files.put(node.name(), bytes);
      }
    }
    return files;
  }
}
