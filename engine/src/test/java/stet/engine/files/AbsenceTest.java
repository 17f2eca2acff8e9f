package stet.engine.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static stet.engine.files.FilesFixture.name;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.posix.Entry;
import stet.engine.posix.PosixErrors;
import stet.engine.posix.PosixException;
import stet.engine.posix.Stat;

class AbsenceTest {
  private static final class Folder implements Absence.Holder {
    private final @Nullable Folder above;
    private final String name;
    private final long inode;

    /** By name; what is not listed is not here but may be found. */
    private final Map<String, Stat> found = new HashMap<>();

    private final List<String> listed = new ArrayList<>();
    private @Nullable PosixException failure;
    private int listings;
    private boolean replaced;

    private Folder(@Nullable Folder above, String name, long inode) {
      this.above = above;
      this.name = name;
      this.inode = inode;
      if (above != null) {
        above.found.put(name, stat(inode));
        above.listed.add(name);
      }
    }

    private static Stat stat(long inode) {
      Instant never = Instant.EPOCH;
      return new Stat(0x4000, 1, 0, 0, 0, 0, inode, 7, 0, never, never, never, false);
    }

    private void gone(String entry) {
      found.remove(entry);
      listed.remove(entry);
    }

    @Override
    public @Nullable Folder above() {
      return above;
    }

    @Override
    public byte[] name() {
      return name.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public boolean is(Stat stat) {
      return stat.inode() == inode;
    }

    @Override
    public @Nullable Stat find(byte[] entry) throws PosixException {
      if (failure != null) {
        throw failure;
      }
      return found.get(new String(entry, StandardCharsets.UTF_8));
    }

    @Override
    public List<Entry> list() throws PosixException {
      listings++;
      if (failure != null) {
        throw failure;
      }
      return listed.stream()
          .map(entry -> new Entry(FilesFixture.name(entry), Entry.Type.UNKNOWN))
          .toList();
    }

    @Override
    public void replaced() {
      replaced = true;
    }
  }

  private final Folder top = new Folder(null, "", 1);
  private final Folder middle = new Folder(top, "middle", 2);
  private final Folder inner = new Folder(middle, "inner", 3);

  private boolean isGone(String entry) throws PosixException {
    return new Absence(inner).isGone(name(entry));
  }

  @Test
  void whatIsNeitherFoundNorListedIsGone() throws Exception {
    inner.listed.add("other");

    assertThat(isGone("file")).isTrue();
  }

  @Test
  void whatIsListedButNotFoundIsThere() throws Exception {
    inner.listed.add("file");

    assertThat(isGone("file")).isFalse();
  }

  @Test
  void whatIsFoundIsThereThoughItFailedBefore() throws Exception {
    inner.found.put("file", Folder.stat(9));

    assertThat(isGone("file")).isFalse();
  }

  @Test
  void theDirectoryIsListedOnceForAllItsNames() throws Exception {
    Absence absence = new Absence(inner);
    for (int i = 0; i < 9; i++) {
      assertThat(absence.isGone(name("file" + i))).isTrue();
    }

    assertThat(inner.listings).isEqualTo(1);
  }

  @Test
  void whatIsInADirectoryThatIsGoneIsGone() throws Exception {
    inner.failure = PosixErrors.stale("inner");
    middle.gone("inner");
    assertThat(isGone("file")).isTrue();

    inner.failure = PosixErrors.missing("inner");
    middle.failure = PosixErrors.stale("middle");
    top.gone("middle");
    assertThat(isGone("file")).isTrue();
  }

  @Test
  void aStaleDirectoryThatIsStillThereIsNotGone() throws Exception {
    inner.failure = PosixErrors.stale("inner");
    assertThat(isGone("file")).isFalse();

    middle.found.remove("inner");
    assertThat(isGone("file")).as("listed though not found").isFalse();
    assertThat(inner.replaced).isFalse();
  }

  @Test
  void aDirectoryThatAnotherHasTakenThePlaceOfIsNoted() throws Exception {
    inner.failure = PosixErrors.missing("inner");
    middle.found.put("inner", Folder.stat(33));

    assertThat(isGone("file")).isTrue();
    assertThat(inner.replaced).isTrue();
  }

  private List<String> stillThere(Absences absences, String... entries) {
    return absences.stillThere(absence -> {
      List<String> there = new ArrayList<>();
      for (String entry : entries) {
        try {
          if (!absence.isGone(name(entry))) {
            there.add(entry);
          }
        } catch (PosixException e) {
          throw new AssertionError(e);
        }
      }
      return there;
    });
  }

  @Test
  void aLargeDirectoryInWhichEntriesComeAndGoIsNotListedEachTime() {
    Absences absences = new Absences(inner, Absences.MANY_ENTRIES);
    for (int i = 0; i < 100; i++) {
      assertThat(stillThere(absences, "one", "two")).isEmpty();
    }
    assertThat(inner.listings).isEqualTo(Absences.MOST_LISTINGS);

    inner.found.put("two", Folder.stat(5));
    assertThat(stillThere(absences, "one", "two")).containsExactly("two");
  }

  @Test
  void aLargeDirectoryIsListedAsLongAsItListsWhatCannotBeFound() {
    inner.listed.add("unreachable");
    Absences absences = new Absences(inner, Absences.MANY_ENTRIES);
    for (int i = 0; i < 100; i++) {
      assertThat(stillThere(absences, "unreachable")).containsExactly("unreachable");
    }
  }

  @Test
  void aSmallDirectoryIsListedEachTime() {
    Absences absences = new Absences(inner, Absences.MANY_ENTRIES - 1);
    for (int i = 0; i < 100; i++) {
      assertThat(stillThere(absences, "one")).isEmpty();
    }
    inner.listed.add("unreachable");
    assertThat(stillThere(absences, "unreachable")).containsExactly("unreachable");
  }

  @Test
  void aDirectoryThatIsNotListedIsStillAskedForItself() throws Exception {
    inner.failure = PosixErrors.stale("inner");
    assertThat(new Absence(inner, false).isGone(name("file"))).isFalse();

    middle.gone("inner");
    assertThat(new Absence(inner, false).isGone(name("file"))).isTrue();
    assertThat(inner.listings).isZero();
  }

  /** As after a file server was replaced by another: nothing that was opened before is known. */
  @Test
  void nothingIsGoneWhereTheTopIsStale() {
    for (Folder folder : List.of(inner, middle, top)) {
      folder.failure = PosixErrors.stale("/srv/" + folder.name);
    }

    assertThatExceptionOfType(StetException.class)
        .isThrownBy(() -> isGone("file"))
        .withMessageContaining(
            "cannot be reached any more: cannot look at /srv/: stale file handle")
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE))
        .satisfies(e -> assertThat(e.hint()).contains("network file system"));
  }
}
