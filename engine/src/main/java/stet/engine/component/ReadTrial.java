package stet.engine.component;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import stet.repository.Repository;
import stet.repository.tree.Node;

/** A trial that only reads: every blob is compared with its hash, and nothing is written. */
public final class ReadTrial implements Trial {
  private final List<Level> levels;

  private ReadTrial(List<Level> levels) {
    this.levels = levels;
  }

  /**
   * Reads everything below a captured directory.
   *
   * @param why why it is not restored
   * @throws stet.repository.RepositoryException naming what is missing or damaged
   */
  public static ReadTrial run(RestoreContext context, String why) {
    long[] bytes = {0};
    Deque<Node> pending = new ArrayDeque<>(List.of(context.node()));
    while (!pending.isEmpty()) {
      context.operation().checkStop();
      Node directory = pending.pop();
      for (Node node : Repository.tree(context.source(), directory.requireSubtree())) {
        if (node.subtree() != null) {
          pending.push(node);
        }
        if (!node.content().isEmpty()) {
          context
              .source()
              .<RuntimeException>read(
                  node.content(),
                  piece -> {
                    bytes[0] += piece.length;
                    context.operation().progress().advance(piece.length);
                  });
        }
      }
    }
    return new ReadTrial(
        List.of(
            new Level("transport", true, bytes[0] + " bytes of blobs, each by its hash"),
            new Level("content", false, why),
            new Level("metadata", false, why)));
  }

  @Override
  public List<Level> levels() {
    return levels;
  }

  @Override
  public List<String> differences() {
    return List.of();
  }

  @Override
  public Map<String, String> variables() {
    return Map.of();
  }

  @Override
  public void close() {}
}
