package stet.testkit;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.RepositoryConfig;
import stet.repository.backend.Backend;
import stet.repository.backend.StoredFile;
import stet.repository.crypto.MasterKey;
import stet.repository.crypto.Scrypt;
import stet.repository.json.JsonObject;

/**
 * Creates repositories whose password opens them at once. A real key takes a third of a second to
 * derive each time, which tests that open hundreds of repositories do not have; everything else in
 * such a repository is as usual.
 */
public final class LightRepository {
  private static final int N = 16;

  private LightRepository() {}

  /** Creates a repository as {@link Repository#create} does, but with a key that is quick. */
  public static Repository create(Backend backend, byte[] password) {
    byte[] encrypt = random(32);
    byte[] k = random(16);
    byte[] r = random(16);
    Base64.Encoder base64 = Base64.getEncoder();
    JsonObject master =
        new JsonObject()
            .put(
                "mac",
                new JsonObject()
                    .put("k", base64.encodeToString(k))
                    .put("r", base64.encodeToString(r)))
            .put("encrypt", base64.encodeToString(encrypt));
    byte[] salt = random(64);
    byte[] derived = Scrypt.derive(password, salt, N, 1, 1, 64);
    byte[] sealed =
        new MasterKey(
                Arrays.copyOfRange(derived, 0, 32),
                Arrays.copyOfRange(derived, 32, 48),
                Arrays.copyOfRange(derived, 48, 64))
            .seal(master.toBytes());
    byte[] keyFile =
        new JsonObject()
            .put("created", "2026-11-20T00:00:00Z")
            .put("username", "test")
            .put("hostname", "testkit")
            .put("kdf", "scrypt")
            .put("N", N)
            .put("r", 1)
            .put("p", 1)
            .put("salt", base64.encodeToString(salt))
            .put("data", base64.encodeToString(sealed))
            .toBytes();
    backend.create();
    backend.save(StoredFile.key(Id.of(keyFile)), keyFile);
    backend.save(
        StoredFile.CONFIG, new MasterKey(encrypt, k, r).seal(RepositoryConfig.create().toBytes()));
    return Repository.open(backend, password);
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new SecureRandom().nextBytes(bytes);
    return bytes;
  }
}
