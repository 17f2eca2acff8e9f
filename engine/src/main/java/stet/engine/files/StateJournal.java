package stet.engine.files;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.posix.Directory;
import stet.engine.posix.Entry;
import stet.engine.posix.FileHandle;
import stet.engine.posix.PosixException;
import stet.engine.posix.Stat;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * The content of a file beside a state: the mark that Stet made that state or put it aside, which a
 * name alone never proves, and what there is to say of it.
 *
 * @param identity the directory it is about, whatever name that has; null if it is only to be made
 * @param note what {@link stet.engine.component.Target#note} stored, or null
 * @param written when
 * @param top what {@link Place#top} gave, or null
 */
record StateJournal(
    @Nullable String identity, @Nullable String note, Instant written, @Nullable String top) {
  private static final int MAX_SIZE = 64 << 20;

  private static final byte[] BEGINNING =
      "{\"stet\":\"state\",".getBytes(StandardCharsets.US_ASCII);

  /** Begins as all journals do, so that one cut short by a crash is known, too. */
  byte[] toBytes() {
    return new JsonObject()
        .put("stet", "state")
        .putIfPresent("identity", identity)
        .put("written", written.toString())
        .putIfPresent("note", note)
        .putIfPresent("top", top)
        .toBytes();
  }

  /** Creates a file with these bytes and makes them durable. */
  static void write(Directory directory, byte[] name, byte[] bytes) throws PosixException {
    try (FileHandle file = directory.create(name)) {
      directory.adopt(file);
      file.writeAt(bytes, 0, bytes.length, 0);
      file.sync();
    }
  }

  /**
   * Reads the file of that name, or returns null if there is none.
   *
   * @throws JsonException if it is none that Stet wrote to its end
   */
  static @Nullable StateJournal read(Directory directory, byte[] name)
      throws PosixException, JsonException {
    Stat found = directory.find(name);
    if (found == null) {
      return null;
    }
    if (!found.isFile() || found.size() > MAX_SIZE) {
      throw new JsonException("it is no file of that kind", null);
    }
    try (FileHandle file = directory.openForReading(name)) {
      byte[] bytes = new byte[(int) found.size()];
      int length = file.read(bytes, 0, bytes.length);
      JsonObject json = JsonObject.parse(Arrays.copyOf(bytes, length));
      if (!"state".equals(json.optionalString("stet"))) {
        throw new JsonException("it does not say that it is one", null);
      }
      return new StateJournal(
          json.optionalString("identity"),
          json.optionalString("note"),
          Instant.parse(json.string("written")),
          json.optionalString("top"));
    } catch (DateTimeParseException e) {
      throw new JsonException("its time is none: " + e.getParsedString(), e);
    }
  }

  /** Whether there is a file that is a journal or, after a crash, the beginning of one. */
  static boolean isBegun(Directory directory, byte[] name) throws PosixException {
    Stat found = directory.find(name);
    if (found == null || !found.isFile()) {
      return false;
    }
    try (FileHandle file = directory.openForReading(name)) {
      byte[] bytes = new byte[BEGINNING.length];
      int length = file.read(bytes, 0, bytes.length);
      return Arrays.equals(bytes, 0, length, BEGINNING, 0, length);
    }
  }

  /** Like {@link #read}, or null also if it is none that Stet wrote to its end. */
  static @Nullable StateJournal find(Directory directory, byte[] name) throws PosixException {
    try {
      return read(directory, name);
    } catch (JsonException e) {
      return null;
    }
  }

  /** The directories that journals among {@code entries} are about. */
  static Set<String> identities(Directory directory, List<Entry> entries) throws PosixException {
    Set<String> identities = new HashSet<>();
    for (Entry entry : entries) {
      StateJournal journal =
          SiblingNames.isOwnFile(entry.name()) ? find(directory, entry.name()) : null;
      if (journal != null && journal.identity != null) {
        identities.add(journal.identity);
      }
    }
    return identities;
  }
}
