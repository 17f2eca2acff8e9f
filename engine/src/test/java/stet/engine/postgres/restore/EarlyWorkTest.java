package stet.engine.postgres.restore;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.engine.postgres.archive.DumpArchive.Entry;
import stet.engine.postgres.archive.DumpArchive.Places;
import stet.engine.postgres.archive.DumpArchive.Span;
import stet.engine.postgres.catalog.DatabaseDescription.Table;
import stet.engine.postgres.catalog.DatabaseDescription.TableKind;
import stet.engine.postgres.connection.Session;

@Timeout(60)
class EarlyWorkTest {
  private static final int PRE_DATA = 2;
  private static final int POST_DATA = 4;

  private final Table a = table(10, "a");
  private final Table b = table(20, "b");
  private final List<Table> readable = new ArrayList<>();
  private boolean checking;
  private boolean functions;
  private final List<String> done = Collections.synchronizedList(new ArrayList<>());
  private final List<Entry> archive = new ArrayList<>();

  private final EarlyWork.Doing doing =
      new EarlyWork.Doing() {
        @Override
        public void restore(List<String> entries) {
          done.add(String.join(" ", entries));
        }

        @Override
        public void analyze(Session session, String table) {
          done.add("analyze " + table);
        }

        @Override
        public void read(Session session, Table table) {
          done.add("read " + table.quoted());
        }

        @Override
        public boolean checks() {
          return checking;
        }

        @Override
        public void check(Session session, Table table) {
          done.add("check " + table.quoted());
        }

        @Override
        public boolean help(Session session) {
          return false;
        }
      };

  @BeforeEach
  void makeTables() {
    entry(1, "TABLE", 10, PRE_DATA);
    entry(2, "TABLE", 20, PRE_DATA);
  }

  private static Table table(long oid, String name) {
    return new Table(
        oid,
        "public",
        name,
        List.of("i"),
        List.of("integer"),
        TableKind.ORDINARY,
        "",
        false,
        null,
        "data/" + name);
  }

  private void entry(int id, String kind, long oid, int section, Integer... after) {
    entry(id, kind, "", oid, section, after);
  }

  private void entry(
      int id, String kind, String definition, long oid, int section, Integer... after) {
    Span nowhere = new Span(0, 0);
    archive.add(
        new Entry(
            id,
            kind.equals("TABLE") ? "1259" : "0",
            Long.toString(oid),
            "e" + id,
            kind,
            section,
            "public",
            "me",
            definition,
            "",
            List.of(after),
            new byte[0],
            new Places(nowhere, nowhere, nowhere)));
  }

  private EarlyWork early(Table... tables) {
    return new EarlyWork(
        archive,
        List.of(tables),
        Set.of("\"public\".\"a\"", "\"public\".\"b\""),
        readable,
        functions,
        doing);
  }

  /** Does everything there is to do with no server; no job needs its session here. */
  @SuppressWarnings("NullAway")
  private static void work(EarlyWork early) throws SQLException, InterruptedException {
    early.work(null);
  }

  /** Does so many of the heaviest jobs. */
  @SuppressWarnings("NullAway")
  private static void run(EarlyWork early, int jobs) throws SQLException, InterruptedException {
    for (int i = 0; i < jobs; i++) {
      early.run(null, early.poll(0));
    }
  }

  @Test
  void constraintsComeFirstAndTogetherThenIndexesThenStatistics() throws Exception {
    entry(2, "INDEX", 11, POST_DATA, 1);
    entry(3, "CONSTRAINT", 12, POST_DATA, 1);
    entry(4, "INDEX", 13, POST_DATA, 1);
    entry(5, "CONSTRAINT", 14, POST_DATA, 1);
    entry(6, "FK CONSTRAINT", 15, POST_DATA, 1);
    EarlyWork early = early(a);

    assertThat(early.poll(0)).as("before the rows are loaded").isNull();
    early.loaded(a, 100);
    work(early);

    assertThat(done).hasSize(4).startsWith("3 5").endsWith("analyze \"public\".\"a\"");
    assertThat(done.subList(1, 3)).containsExactlyInAnyOrder("2", "4");
    assertThat(early.restored()).containsExactlyInAnyOrder("2", "3", "4", "5");
    assertThat(early.analyzed()).containsExactly("\"public\".\"a\"");
  }

  @Test
  void aTableIsReadWhenAllElseIsDoneAndWrittenWhenOnlyReadingIsLeft() throws Exception {
    readable.add(b);
    entry(3, "INDEX", 11, POST_DATA, 2);
    EarlyWork early = early(a, b);
    assertThat(early.reads()).isTrue();
    CountDownLatch written = new CountDownLatch(1);
    Thread.ofVirtual()
        .start(() -> {
          try {
            early.awaitWritten();
            written.countDown();
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
        });
    early.loaded(a, 100);
    early.loaded(b, 1000);
    run(early, 3);
    assertThat(written.getCount()).as("a is not analyzed").isEqualTo(1);
    work(early);

    written.await();
    assertThat(done)
        .containsExactly(
            "3", "analyze \"public\".\"b\"", "read \"public\".\"b\"", "analyze \"public\".\"a\"");
  }

  @Test
  void theTablesThatAreReadAreCheckedTooWhereThatIsWanted() throws Exception {
    readable.add(b);
    checking = true;
    EarlyWork early = early(a, b);
    early.loaded(a, 100);
    early.loaded(b, 1000);
    work(early);

    assertThat(done)
        .containsExactly(
            "analyze \"public\".\"b\"",
            "check \"public\".\"b\"",
            "read \"public\".\"b\"",
            "analyze \"public\".\"a\"");
  }

  @Test
  void indexesThatMayCallFunctionsOfTheDatabaseAreLeft() throws Exception {
    entry(2, "INDEX", "CREATE INDEX i ON public.a USING btree (x, y);", 11, POST_DATA, 1);
    entry(3, "INDEX", "CREATE INDEX j ON public.a USING btree (region_of(x));", 12, POST_DATA, 1);
    entry(4, "INDEX", "CREATE INDEX k ON public.a USING btree (x) WHERE f;", 13, POST_DATA, 1);
    EarlyWork all = early(a);
    all.loaded(a, 100);
    work(all);
    assertThat(all.restored()).containsExactlyInAnyOrder("2", "3", "4");

    functions = true;
    EarlyWork some = early(a);
    some.loaded(a, 100);
    work(some);
    assertThat(some.restored()).containsExactly("2");
    assertThat(some.analyzed()).as("ANALYZE fills expressions' statistics too").isEmpty();
  }

  @Test
  void whatLeansOnMoreThanTheTableIsLeft() throws Exception {
    entry(3, "INDEX", 11, POST_DATA, 1);
    entry(4, "INDEX", 12, POST_DATA, 1, 3);
    entry(5, "INDEX", 13, POST_DATA, 1, 2);
    entry(6, "INDEX", 14, POST_DATA);
    entry(7, "STATISTICS", 15, POST_DATA, 2);
    EarlyWork early = early(a, b);

    early.loaded(a, 100);
    early.loaded(b, 100);
    work(early);

    assertThat(early.restored()).containsExactly("3");
    assertThat(early.analyzed()).as("their statistics are not all there").isEmpty();
  }

  @Test
  void theHeaviestIsDoneFirstUnlessLoadingIsHeavier() throws Exception {
    entry(3, "CONSTRAINT", 11, POST_DATA, 1);
    entry(4, "CONSTRAINT", 21, POST_DATA, 2);
    EarlyWork early = early(a, b);
    early.loaded(a, 100);
    early.loaded(b, 1000);

    assertThat(early.poll(1000)).isNull();
    assertThat(early.poll(100)).extracting(EarlyWork.Job::table).isEqualTo(b);
  }

  @Test
  void aSessionWaitsForTablesThatOthersLoad() throws Exception {
    entry(3, "CONSTRAINT", 11, POST_DATA, 1);
    EarlyWork early = early(a);
    CountDownLatch ended = new CountDownLatch(1);
    Thread session =
        Thread.ofVirtual()
            .start(() -> {
              try {
                work(early);
                ended.countDown();
              } catch (SQLException | InterruptedException e) {
                throw new AssertionError(e);
              }
            });
    while (session.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    assertThat(done).isEmpty();

    early.loaded(a, 100);

    ended.await();
    assertThat(done).containsExactly("3", "analyze \"public\".\"a\"");
  }
}
