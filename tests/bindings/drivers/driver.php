<?php
// SPDX-License-Identifier: MIT
// driver - the PHP binding, told what to do: ../driver.py has the commands.
declare(strict_types=1);

require __DIR__ . '/../../../client/php/Bearer.php';

use App\Providers\BearerServiceProvider;
use Bearerd\{Bearer, BearerException, Token, Unreachable};
use GuzzleHttp\{Client, HandlerStack, Psr7};
use Illuminate\Support\Facades\{Facade, Http};

final class Driver
{
    private Bearer $tokens;
    private Token $token;

    public function open(?string $socket = null, float $max_age = 10.0): array
    {
        $this->tokens = new Bearer($socket, $max_age);
        return ['open' => true];
    }

    public function get(?string $name = null, ?float $timeout = null): array
    {
        $this->token = $this->tokens->get($name, $timeout);
        return $this->told();
    }

    public function renew(?float $timeout = null): array
    {
        $this->token = $this->tokens->renew($this->token, $timeout);
        return $this->told();
    }

    private function told(): array
    {
        $token = $this->token;
        return ['value' => $token->value(), 'name' => $token->name, 'generation' => $token->generation,
            'expires_at' => $token->expiresAt, 'scope' => $token->scope, 'practice_id' => $token->practiceId];
    }

    /** What a child of a fork gets, and what we do. */
    public function fork(): array
    {
        [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
        if (pcntl_fork() === 0) {
            fwrite($theirs, json_encode(answerTo(fn () => $this->get())));
            posix_kill(getmypid(), SIGKILL);
        }
        fclose($theirs);
        $child = json_decode(stream_get_contents($ours));
        pcntl_wait($status);
        return [$child, answerTo(fn () => $this->get())];
    }

    /** What a child of a fork gets, and which sockets it has then. It goes on until it is killed. */
    public function child(): array
    {
        $file = tempnam(sys_get_temp_dir(), 'child');
        $pid = pcntl_fork();
        if ($pid === 0) {
            $answer = ['got' => answerTo(fn () => $this->get()), 'sockets' => sockets()];
            file_put_contents("$file.whole", json_encode($answer));
            rename("$file.whole", $file);
            while (true) {
                sleep(60);
            }
        }
        while (!($answer = file_get_contents($file))) {
            usleep(1000);
        }
        unlink($file);
        return ['pid' => $pid, 'own' => sockets()] + json_decode($answer, true);
    }

    /** A child that asks for nothing until it is killed. */
    public function idle_child(): array
    {
        $pid = pcntl_fork();
        while ($pid === 0) {
            sleep(60);
        }
        return ['pid' => $pid];
    }

    public function shown(): array
    {
        $token = $this->token;
        $dump = function (callable $show) use ($token): string {
            ob_start();
            $show($token);
            return ob_get_clean();
        };
        $texts = ["$token", print_r($token, true), json_encode($token), json_encode((array) $token),
            $dump('var_dump')];
        $texts[] = var_export($token, true);
        $texts[] = print_r((array) $token, true);
        foreach ([fn () => serialize($token), fn () => clone $token] as $attempt) {
            try {
                $texts[] = print_r($attempt(), true);
            } catch (\Throwable $error) {
                $texts[] = $error->getMessage() . print_r($error->getTrace(), true);
            }
        }
        return $texts;
    }

    /** By Guzzle; $within: the middleware is where Laravel's Http::withMiddleware() puts it. */
    public function call(
        string $method,
        string $url,
        ?string $body = null,
        bool $stream = false,
        bool $within = false,
        float $timeout = 0
    ): array {
        require_once 'GuzzleHttp/autoload.php';
        $stack = HandlerStack::create();
        if ($within) {
            $stack->push($this->tokens->middleware());
        } else {
            $stack->before('allow_redirects', $this->tokens->middleware());
        }
        $client = new Client(['handler' => $stack, 'http_errors' => false]);
        $parts = (function () use ($body) {
            yield $body;
        })();
        $body = $stream ? Psr7\Utils::streamFor($parts) : $body;
        $response = $client->request($method, $url, ['body' => $body, 'timeout' => $timeout]);
        return ['status' => $response->getStatusCode(), 'body' => (string) $response->getBody()];
    }

    /** By Laravel's client, with the provider of the documentation. */
    public function call_laravel(string $base, string $path): array
    {
        require_once 'GuzzleHttp/autoload.php';
        require_once 'Illuminate/Container/autoload.php';
        require_once 'Illuminate/Http/autoload.php';
        require_once __DIR__ . '/../../../docs/examples/BearerServiceProvider.php';
        putenv("API_URL=$base");
        $app = Illuminate\Container\Container::getInstance();
        Facade::setFacadeApplication($app);
        $app->singleton(Illuminate\Http\Client\Factory::class);
        $provider = new BearerServiceProvider($app);
        $provider->register();
        $app->instance(Bearer::class, $this->tokens);
        $provider->boot();
        $response = Http::athena()->get($path);
        return ['status' => $response->status(), 'body' => $response->body()];
    }
}

/** The sockets that this process has open. */
function sockets(): array
{
    $links = array_map(fn (string $name) => is_link($name) ? readlink($name) : '', glob('/proc/self/fd/*'));
    return array_values(array_filter($links, fn (string $link) => str_starts_with($link, 'socket:')));
}

function answerTo(callable $do): array
{
    try {
        return $do();
    } catch (BearerException $error) {
        return ['error' => (new ReflectionClass($error))->getShortName(), 'text' => $error->getMessage(),
            'passing' => $error->isPassing(), 'retry_after' => $error->retryAfter,
            'errno' => $error instanceof Unreachable ? $error->getCode() : null];
    } catch (GuzzleHttp\Exception\TransferException $error) {
        return ['error' => 'other', 'text' => $error->getMessage()];
    } catch (ValueError $error) {
        return ['error' => 'ValueError', 'text' => $error->getMessage()];
    }
}

set_error_handler(function (int $level, string $text, string $file, int $line) {
    if ($level === E_DEPRECATED && str_starts_with($file, '/usr/share/php/')) {
        return true; // Debian's libraries are older than its PHP
    }
    throw new ErrorException($text, 0, $level, $file, $line);
});
$driver = new Driver();
while (($line = fgets(STDIN)) !== false) {
    [$what, $given] = json_decode($line, true);
    echo json_encode(answerTo(fn () => $driver->$what(...$given))), "\n";
}
