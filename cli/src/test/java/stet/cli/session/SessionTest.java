package stet.cli.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.cli.output.Terminal;
import stet.cli.session.Session.Surroundings;
import stet.engine.component.Progress;

class SessionTest {
  @TempDir Path directory;

  private int workers(String setting) throws Exception {
    Files.writeString(
        directory.resolve("stet.yaml"),
        """
        version: 1
        app: shop
        repository: { location: /kept, password: secret }
        environments:
          production: {%s state: [ { files: media, path: /media } ] }
        """
            .formatted(setting));
    Session session =
        new Session(
            new Surroundings(
                Map.of(),
                directory,
                InputStream.nullInputStream(),
                OutputStream.nullOutputStream(),
                OutputStream.nullOutputStream(),
                new Terminal(false, false, false, false)),
            () -> {});
    return session.operation(Progress.NONE).workers();
  }

  @Test
  void anEnvironmentLimitsTheWorkersOfAnOperation() throws Exception {
    int processors = Math.min(8, Runtime.getRuntime().availableProcessors());
    assertThat(workers("")).isEqualTo(processors);
    assertThat(workers("max_workers: 1,")).isOne();
    assertThat(workers("max_workers: 1000,")).isEqualTo(processors);
  }
}
