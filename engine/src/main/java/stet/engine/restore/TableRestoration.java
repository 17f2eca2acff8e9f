package stet.engine.restore;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import stet.engine.Environment;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.Component.RestoredTable;
import stet.engine.component.Component.TableWish;
import stet.engine.component.Operation;
import stet.engine.component.RestoreContext;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotFiles;
import stet.repository.BlobSource;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;

/** Puts a table of a snapshot beside the live one; nothing live is replaced. */
public final class TableRestoration {
  private TableRestoration() {}

  /**
   * Restores the table.
   *
   * @param only the component that has the table, or empty if only one has tables
   * @throws StetException if the component is not in the snapshot or the environment, or as {@link
   *     Component#restoreTable}
   */
  public static RestoredTable run(
      BlobSource source,
      Snapshot snapshot,
      Environment environment,
      Set<String> only,
      TableWish wish,
      Operation operation) {
    SnapshotFiles files = new SnapshotFiles(source, snapshot);
    Manifest manifest = files.manifest();
    List<Manifest.Entry> candidates =
        manifest.components().stream()
            .filter(e -> only.isEmpty() ? e.details().has("tables") : only.contains(e.name()))
            .toList();
    List<String> names = manifest.components().stream().map(Manifest.Entry::name).toList();
    for (String name : only) {
      if (manifest.component(name) == null) {
        throw new StetException(
            ErrorCode.NOT_FOUND,
            "snapshot " + snapshot.requireId().shortText() + " has no component \"" + name + "\"",
            "It has: " + String.join(", ", names) + ".");
      }
    }
    if (candidates.size() != 1) {
      throw new StetException(
          ErrorCode.USAGE,
          "it is not told which component of snapshot "
              + snapshot.requireId().shortText()
              + " has table \""
              + wish.table()
              + "\"",
          "Name one with --only; the snapshot has: " + String.join(", ", names) + ".");
    }
    Manifest.Entry entry = candidates.getFirst();
    Component component =
        environment.components().stream()
            .filter(c -> c.name().equals(entry.name()) && c.kind().equals(entry.kind()))
            .findFirst()
            .orElseThrow(() ->
                new StetException(
                    ErrorCode.NOT_FOUND,
                    "environment "
                        + environment.name()
                        + " has no component \""
                        + entry.name()
                        + "\" of kind "
                        + entry.kind()
                        + " to restore into",
                    "Add it to the configuration, or use `stet export --table`."));
    Node node = Objects.requireNonNull(files.find(entry.name()));
    return component.restoreTable(
        new RestoreContext(operation, source, node, entry.details(), manifest.hashKey()), wish);
  }
}
