<?php
// SPDX-License-Identifier: MIT
// BearerServiceProvider - bearerd's token for Laravel: Http::athena()->get('/v1/...').
declare(strict_types=1);

namespace App\Providers;

use Bearerd\Bearer;
use Illuminate\Support\Facades\Http;
use Illuminate\Support\ServiceProvider;

final class BearerServiceProvider extends ServiceProvider
{
    public function register(): void
    {
        $this->app->singleton(Bearer::class, fn () => new Bearer());
    }

    public function boot(): void
    {
        $tokens = $this->app->make(Bearer::class);
        // Each request has the token; after a 401 it is renewed and the request sent again, once.
        Http::macro('athena', fn () => Http::baseUrl(getenv('API_URL') ?: 'https://api.platform.athenahealth.com')
            ->withMiddleware($tokens->middleware()));
    }
}
