package stet.engine.diff;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiPredicate;
import stet.repository.BlobSink;
import stet.repository.BlobSource;
import stet.repository.BlobType;
import stet.repository.Id;

/** Keeps trees in memory, of all else only the ids, over what a repository holds. */
final class Overlay implements BlobSink, BlobSource {
  private final BlobSource below;
  private final BiPredicate<BlobType, Id> held;
  private final Map<Id, byte[]> trees = new ConcurrentHashMap<>();

  Overlay(BlobSource below, BiPredicate<BlobType, Id> held) {
    this.below = below;
    this.held = held;
  }

  @Override
  public Id save(BlobType type, byte[] bytes, int offset, int length) {
    Id id = Id.of(bytes, offset, length);
    if (type == BlobType.TREE && !held.test(type, id)) {
      trees.put(id, java.util.Arrays.copyOfRange(bytes, offset, offset + length));
    }
    return id;
  }

  @Override
  public boolean holds(BlobType type, Id id) {
    return held.test(type, id);
  }

  @Override
  public byte[] load(BlobType type, Id id) {
    byte[] tree = type == BlobType.TREE ? trees.get(id) : null;
    return tree == null ? below.load(type, id) : tree.clone();
  }

  @Override
  public long length(Id id) {
    return below.length(id);
  }

  @Override
  public <E extends Exception> void read(List<Id> content, BlobConsumer<E> consumer) throws E {
    below.read(content, consumer);
  }
}
