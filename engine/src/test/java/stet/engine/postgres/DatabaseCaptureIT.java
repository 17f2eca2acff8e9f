package stet.engine.postgres;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.RowHash;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Operation;
import stet.engine.component.Progress;
import stet.testkit.MemoryBlobs;
import stet.testkit.PostgresServer;
import stet.testkit.PostgresServers;

class DatabaseCaptureIT {
  private final MemoryBlobs blobs = new MemoryBlobs();

  @Test
  void smoke(@TempDir Path directory) throws Exception {
    PostgresServer server = PostgresServers.installed();
    server.createDatabase("capture_smoke");
    server.execute(
        "capture_smoke",
        "create table t (id int primary key, v text)",
        "insert into t select i, repeat(md5(i::text), 10) from generate_series(1, 50000) i",
        "create sequence s",
        "select nextval('s')",
        "select lo_from_bytea(777, 'abc')");
    Captured captured =
        new DatabaseCapture(ConnectionSettings.parse(server.url("capture_smoke")), null, "default")
            .capture(
                new CaptureContext(
                    new Operation("00000001", 2, Progress.NONE),
                    blobs,
                    blobs,
                    null,
                    null,
                    null,
                    RowHash.Key.random(),
                    new stet.repository.chunk.Polynomial(0x3DA3358B4DC173L)));
    System.out.println(captured.manifest().toPrettyString());
    blobs.writeTo(captured.node(), directory);
    System.out.println(Files.readString(directory.resolve("database.json")));
    System.out.println(Files.readString(directory.resolve("load.sql")));
    new ProcessBuilder("find", directory.toString()).inheritIO().start().waitFor();
    server.dropDatabase("capture_smoke");
  }
}
