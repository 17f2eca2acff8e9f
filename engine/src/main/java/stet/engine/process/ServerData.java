package stet.engine.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;

/** Makes the data of PostgreSQL servers that this process keeps. */
public final class ServerData {
  /** The role that each of them has. */
  public static final String SUPERUSER = "postgres";

  private ServerData() {}

  /** A password that nobody guesses, of letters and digits. */
  public static String newPassword() {
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  /**
   * Makes the data directory of a server that asks everybody for a password, in UTF-8 and the
   * locale C, flushing nothing.
   *
   * @param user who owns it
   * @param initdb the program that makes it
   * @param data where to; not there yet
   * @param password a file with the superuser's password, which only this process can read; it is
   *     given to the user and removed
   * @param settings lines that are added to {@code postgresql.conf}
   */
  public static void make(ServerUser user, Path initdb, Path data, Path password, String settings)
      throws IOException {
    user.own(password);
    user.command(
            List.of(
                initdb.toString(),
                "--pgdata=" + data,
                "--username=" + SUPERUSER,
                "--pwfile=" + password,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync"))
        .run();
    Files.delete(password);
    Path configuration = data.resolve("postgresql.conf");
    Files.writeString(configuration, Files.readString(configuration) + "\n" + settings);
  }
}
