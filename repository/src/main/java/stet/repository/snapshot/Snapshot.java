package stet.repository.snapshot;

import java.time.OffsetDateTime;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.json.GoTime;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * A snapshot file: one backup. Immutable.
 *
 * <p>Members that this class does not know are kept when a snapshot is read, changed and written
 * again; restic drops them.
 */
public final class Snapshot {
  private static final Set<String> KNOWN =
      Set.of(
          "time",
          "parent",
          "tree",
          "paths",
          "hostname",
          "username",
          "uid",
          "gid",
          "excludes",
          "tags",
          "original",
          "program_version",
          "summary");

  private static final Id NULL_ID = new Id(0, 0, 0, 0);
  private static final long MAX_UID = 0xffff_ffffL;

  private final @Nullable Id id;
  private final OffsetDateTime time;
  private final @Nullable Id parent;
  private final Id tree;
  private final List<String> paths;
  private final String hostname;
  private final String username;
  private final long uid;
  private final long gid;
  private final List<String> excludes;
  private final List<String> tags;
  private final @Nullable Id original;
  private final String programVersion;
  private final @Nullable SnapshotSummary summary;
  private final JsonObject others;

  private Snapshot(@Nullable Id id, Builder builder) {
    this.id = id;
    this.time = builder.time;
    this.parent = builder.parent;
    this.tree = builder.tree;
    this.paths = builder.paths;
    this.hostname = builder.hostname;
    this.username = builder.username;
    this.uid = builder.uid;
    this.gid = builder.gid;
    this.excludes = builder.excludes;
    this.tags = builder.tags;
    this.original = builder.original;
    this.programVersion = builder.programVersion;
    this.summary = builder.summary;
    this.others = builder.others.copy();
  }

  /**
   * Starts a snapshot of a tree.
   *
   * @param time with the writer's own offset from UTC, which decides the day it counts for when
   *     snapshots are forgotten by days
   */
  public static Builder builder(OffsetDateTime time, Id tree) {
    return new Builder(time, tree);
  }

  /** Starts a changed form of this snapshot, with everything it has but its id. */
  public Builder toBuilder() {
    Builder builder = new Builder(time, tree);
    builder.parent = parent;
    builder.paths = paths;
    builder.hostname = hostname;
    builder.username = username;
    builder.uid = uid;
    builder.gid = gid;
    builder.excludes = excludes;
    builder.tags = tags;
    builder.original = original;
    builder.programVersion = programVersion;
    builder.summary = summary;
    builder.others = others;
    return builder;
  }

  /** The same snapshot, stored under a name. */
  public Snapshot withId(Id storedAs) {
    return new Snapshot(storedAs, toBuilder());
  }

  /**
   * Reads a decoded snapshot file.
   *
   * @param id the file's name
   * @throws RepositoryException as damaged if the text is no snapshot
   */
  public static Snapshot parse(Id id, byte[] json) {
    try {
      JsonObject object = JsonObject.parse(json);
      Id tree = optionalId(object, "tree");
      if (tree == null) {
        throw new JsonException("it has no tree", null);
      }
      Builder builder =
          new Builder(GoTime.parse(object.string("time")), tree)
              .parent(optionalId(object, "parent"))
              .paths(object.strings("paths"))
              .hostname(text(object, "hostname"))
              .username(text(object, "username"))
              .owner(owner(object, "uid"), owner(object, "gid"))
              .excludes(object.strings("excludes"))
              .tags(object.strings("tags"))
              .original(optionalId(object, "original"))
              .programVersion(text(object, "program_version"));
      JsonObject summary = object.optionalObject("summary");
      builder.summary(summary == null ? null : SnapshotSummary.of(summary));
      builder.others = object.without(KNOWN);
      return new Snapshot(id, builder);
    } catch (JsonException e) {
      throw RepositoryException.damaged("snapshot " + id + ": " + e.getMessage(), e);
    }
  }

  /** Reads an id; restic writes null as a missing member, null, no text or zeros. */
  private static @Nullable Id optionalId(JsonObject object, String member) {
    String text = object.optionalString(member);
    if (text == null || text.isEmpty()) {
      return null;
    }
    if (!Id.isId(text)) {
      throw new JsonException("member \"" + member + "\" is not an id: " + text, null);
    }
    Id id = Id.parse(text);
    return id.equals(NULL_ID) ? null : id;
  }

  private static String text(JsonObject object, String member) {
    String text = object.optionalString(member);
    return text == null ? "" : text;
  }

  private static long owner(JsonObject object, String member) {
    long value = object.integer(member, 0);
    if (value < 0 || value > MAX_UID) {
      throw new JsonException("member \"" + member + "\" is not an owner: " + value, null);
    }
    return value;
  }

  /** The file's text before encoding, with members in restic's order, unknown ones last. */
  public byte[] toJson() {
    return new JsonObject()
        .put("time", GoTime.format(time))
        .putIfPresent("parent", parent == null ? null : parent.toString())
        .put("tree", tree.toString())
        .put("paths", paths)
        .putIfPresent("hostname", hostname.isEmpty() ? null : hostname)
        .putIfPresent("username", username.isEmpty() ? null : username)
        .putIfPresent("uid", uid == 0 ? null : uid)
        .putIfPresent("gid", gid == 0 ? null : gid)
        .putIfPresent("excludes", excludes.isEmpty() ? null : excludes)
        .putIfPresent("tags", tags.isEmpty() ? null : tags)
        .putIfPresent("original", original == null ? null : original.toString())
        .putIfPresent("program_version", programVersion.isEmpty() ? null : programVersion)
        .putIfPresent("summary", summary == null ? null : summary.toJson())
        .putAll(others)
        .toBytes();
  }

  /** The file's name, or null if the snapshot has not been stored. */
  public @Nullable Id id() {
    return id;
  }

  /** The file's name of a snapshot that has been stored. */
  public Id requireId() {
    return Objects.requireNonNull(id, "the snapshot has not been stored");
  }

  /** When the backup began, with the offset from UTC where it was made. */
  public OffsetDateTime time() {
    return time;
  }

  /** The snapshot it was compared with, which may be gone, or null. */
  public @Nullable Id parent() {
    return parent;
  }

  /** The root directory. */
  public Id tree() {
    return tree;
  }

  /** What was backed up, as absolute paths. */
  public List<String> paths() {
    return paths;
  }

  /** Where it was made, empty if unknown. */
  public String hostname() {
    return hostname;
  }

  /** Who made it, empty if unknown. */
  public String username() {
    return username;
  }

  /** The number of the user who made it, 0 if unknown. */
  public long uid() {
    return uid;
  }

  /** The number of that user's group, 0 if unknown. */
  public long gid() {
    return gid;
  }

  /** Patterns of what was left out. */
  public List<String> excludes() {
    return excludes;
  }

  /** Words for selecting snapshots. */
  public List<String> tags() {
    return tags;
  }

  /** The very first form of a snapshot that was rewritten, or null. */
  public @Nullable Id original() {
    return original;
  }

  /** Program and version that wrote it, empty if unknown. */
  public String programVersion() {
    return programVersion;
  }

  /** What the backup did, or null if it is not recorded. */
  public @Nullable SnapshotSummary summary() {
    return summary;
  }

  /** Members that this class does not know. */
  public JsonObject others() {
    return others.copy();
  }

  @Override
  public String toString() {
    return "Snapshot " + (id == null ? "not stored" : id.shortText()) + " of " + time;
  }

  /** Collects what a snapshot says; not safe for use by several threads. */
  public static final class Builder {
    private OffsetDateTime time;
    private @Nullable Id parent;
    private Id tree;
    private List<String> paths = List.of();
    private String hostname = "";
    private String username = "";
    private long uid;
    private long gid;
    private List<String> excludes = List.of();
    private List<String> tags = List.of();
    private @Nullable Id original;
    private String programVersion = "";
    private @Nullable SnapshotSummary summary;
    private JsonObject others = new JsonObject();

    private Builder(OffsetDateTime time, Id tree) {
      this.time = time;
      this.tree = tree;
    }

    public Builder time(OffsetDateTime value) {
      time = value;
      return this;
    }

    public Builder parent(@Nullable Id value) {
      parent = value;
      return this;
    }

    public Builder tree(Id value) {
      tree = value;
      return this;
    }

    public Builder paths(List<String> value) {
      paths = List.copyOf(value);
      return this;
    }

    public Builder hostname(String value) {
      hostname = value;
      return this;
    }

    public Builder username(String value) {
      username = value;
      return this;
    }

    /** Sets the numbers of user and group, unsigned 32-bit each. */
    public Builder owner(long user, long group) {
      uid = user;
      gid = group;
      return this;
    }

    public Builder excludes(List<String> value) {
      excludes = List.copyOf(value);
      return this;
    }

    /** Sets the tags; one with a comma cannot be named on restic's command line. */
    public Builder tags(List<String> value) {
      tags = List.copyOf(value);
      return this;
    }

    public Builder original(@Nullable Id value) {
      original = value;
      return this;
    }

    public Builder programVersion(String value) {
      programVersion = value;
      return this;
    }

    public Builder summary(@Nullable SnapshotSummary value) {
      summary = value;
      return this;
    }

    public Snapshot build() {
      return new Snapshot(null, this);
    }
  }
}
