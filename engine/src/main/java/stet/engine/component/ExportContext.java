package stet.engine.component;

import java.io.OutputStream;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import stet.repository.BlobSource;
import stet.repository.tree.Node;

/**
 * What a kind is given to export a captured component with.
 *
 * @param operation the export
 * @param source gives the blobs
 * @param node the component's directory in the snapshot
 * @param format what is wanted
 * @param table the table that is wanted, as a person names it, or null for everything
 * @param destination where to
 */
public record ExportContext(
    Operation operation,
    BlobSource source,
    Node node,
    ExportFormat format,
    @Nullable String table,
    Destination destination) {

  /** Where an export goes to. */
  public sealed interface Destination {
    /** An empty file, or an empty directory where the format is one; nobody else may enter. */
    record New(Path path) implements Destination {}

    /** A stream, which is left open. */
    record Stream(OutputStream stream) implements Destination {}
  }
}
