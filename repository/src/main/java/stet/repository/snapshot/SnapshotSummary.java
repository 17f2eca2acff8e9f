package stet.repository.snapshot;

import java.time.OffsetDateTime;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.repository.json.GoTime;
import stet.repository.json.JsonObject;

/**
 * What a backup did, as its snapshot records it. Counts that the file does not have are 0.
 *
 * @param backupStart when the backup began, or null if unknown
 * @param backupEnd when it had read everything, or null if unknown
 * @param filesNew files that the parent does not have
 * @param filesChanged files that differ from the parent's
 * @param filesUnmodified files that are the parent's
 * @param dirsNew directories that the parent does not have
 * @param dirsChanged directories that differ from the parent's
 * @param dirsUnmodified directories that are the parent's
 * @param dataBlobs blobs of files that were added
 * @param treeBlobs blobs of directories that were added
 * @param dataAdded bytes of the blobs that were added
 * @param dataAddedPacked the same as stored
 * @param totalFilesProcessed all files
 * @param totalBytesProcessed the bytes of all files
 * @param others members that other programs wrote, kept as they are
 */
public record SnapshotSummary(
    @Nullable OffsetDateTime backupStart,
    @Nullable OffsetDateTime backupEnd,
    long filesNew,
    long filesChanged,
    long filesUnmodified,
    long dirsNew,
    long dirsChanged,
    long dirsUnmodified,
    long dataBlobs,
    long treeBlobs,
    long dataAdded,
    long dataAddedPacked,
    long totalFilesProcessed,
    long totalBytesProcessed,
    JsonObject others) {
  private static final Set<String> KNOWN =
      Set.of(
          "backup_start",
          "backup_end",
          "files_new",
          "files_changed",
          "files_unmodified",
          "dirs_new",
          "dirs_changed",
          "dirs_unmodified",
          "data_blobs",
          "tree_blobs",
          "data_added",
          "data_added_packed",
          "total_files_processed",
          "total_bytes_processed");

  public SnapshotSummary {
    others = others.copy();
  }

  static SnapshotSummary of(JsonObject json) {
    return new SnapshotSummary(
        time(json, "backup_start"),
        time(json, "backup_end"),
        json.integer("files_new", 0),
        json.integer("files_changed", 0),
        json.integer("files_unmodified", 0),
        json.integer("dirs_new", 0),
        json.integer("dirs_changed", 0),
        json.integer("dirs_unmodified", 0),
        json.integer("data_blobs", 0),
        json.integer("tree_blobs", 0),
        json.integer("data_added", 0),
        json.integer("data_added_packed", 0),
        json.integer("total_files_processed", 0),
        json.integer("total_bytes_processed", 0),
        json.without(KNOWN));
  }

  private static @Nullable OffsetDateTime time(JsonObject json, String member) {
    String text = json.optionalString(member);
    return text == null ? null : GoTime.parse(text);
  }

  JsonObject toJson() {
    return new JsonObject()
        .putIfPresent("backup_start", backupStart == null ? null : GoTime.format(backupStart))
        .putIfPresent("backup_end", backupEnd == null ? null : GoTime.format(backupEnd))
        .put("files_new", filesNew)
        .put("files_changed", filesChanged)
        .put("files_unmodified", filesUnmodified)
        .put("dirs_new", dirsNew)
        .put("dirs_changed", dirsChanged)
        .put("dirs_unmodified", dirsUnmodified)
        .put("data_blobs", dataBlobs)
        .put("tree_blobs", treeBlobs)
        .put("data_added", dataAdded)
        .put("data_added_packed", dataAddedPacked)
        .put("total_files_processed", totalFilesProcessed)
        .put("total_bytes_processed", totalBytesProcessed)
        .putAll(others);
  }

  /** The members that other programs wrote. */
  @Override
  public JsonObject others() {
    return others.copy();
  }
}
