package stet.engine.postgres.archive;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ArchiveContentsTest {
  @Test
  void tellsEventTriggersFromWhatIsNamedLikeThem() {
    ArchiveContents contents =
        ArchiveContents.parse(
            """
            ;
            ; Archive created at 2026-11-28 18:19:00 UTC
            ;     dbname: 5; 0 0 EVENT TRIGGER
            ;
            3413; 3466 17750 EVENT TRIGGER - watcher postgres
            7; 2615 16386 SCHEMA - EVENT TRIGGER postgres
            215; 1259 16400 TABLE EVENT TRIGGER postgres
            3732; 0 0 COMMENT - EVENT TRIGGER watcher postgres
            3733; 0 0 COMMENT EVENT TRIGGER TABLE x postgres
            3734; 0 0 SECURITY LABEL - EVENT TRIGGER watcher postgres
            3735; 0 0 COMMENT - SCHEMA EVENT TRIGGER postgres
            """);
    assertThat(contents.eventTriggers()).containsExactly("3413", "3732", "3734");
    assertThat(contents.others()).containsExactly("7", "215", "3733", "3735");
  }
}
