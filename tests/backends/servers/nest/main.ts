// Nest with @nestjs/jwt, its document by @nestjs/swagger: `pair`, both tokens in JSON; `cookie`, the refresh token in an
// HttpOnly cookie. `/__ledger` and `/__clock?seconds=` as in serving.py.
import "reflect-metadata";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { Body, CanActivate, Controller, ExecutionContext, Get, Injectable, Module, Post, Req, Res, UnauthorizedException, UseGuards } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { JwtModule, JwtService } from "@nestjs/jwt";
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiProperty, ApiTags, DocumentBuilder, SwaggerModule } from "@nestjs/swagger";
const cookieParser = require("cookie-parser"); // without types

let ahead = 0;
const now = Date.now;
Date.now = () => now() + ahead * 1000;

class LoginDto { @ApiProperty() username!: string; @ApiProperty() password!: string }
class RefreshDto { @ApiProperty() refreshToken!: string }
class PairDto { @ApiProperty() accessToken!: string; @ApiProperty() refreshToken!: string }
class AccessDto { @ApiProperty() accessToken!: string }
class MeDto { @ApiProperty() username!: string }

@Injectable()
class Tokens {
  private readonly presented = new Set<string>();
  constructor(private readonly jwt: JwtService) {}

  checked(login: LoginDto): string {
    if (login.password !== "correct horse battery staple") throw new UnauthorizedException("Wrong username or password");
    return login.username;
  }

  pair(sub: string): PairDto {
    const sign = (kind: string, expiresIn: number) => this.jwt.sign({ sub, kind, jti: randomUUID() }, { expiresIn });
    return { accessToken: sign("access", 30), refreshToken: sign("refresh", 600) };
  }

  rotated(refreshToken: string): PairDto {
    const { sub, jti } = this.payload(refreshToken, "refresh");
    if (this.presented.has(jti)) throw new UnauthorizedException("Refresh token used before");
    this.presented.add(jti);
    return this.pair(sub);
  }

  payload(token: string, kind: string): { sub: string; jti: string } {
    try {
      const payload = this.jwt.verify(token);
      if (payload.kind === kind) return payload;
    } catch {}
    throw new UnauthorizedException(`Invalid ${kind} token`);
  }
}

@Injectable()
class AuthGuard implements CanActivate {
  constructor(private readonly tokens: Tokens) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest();
    const [type, token] = request.headers.authorization?.split(" ") ?? [];
    request.user = this.tokens.payload(type === "Bearer" ? token : "", "access");
    return true;
  }
}

@ApiTags("auth")
@Controller("auth")
class PairController {
  constructor(private readonly tokens: Tokens) {}

  @Post("login") @ApiCreatedResponse({ type: PairDto })
  login(@Body() body: LoginDto) { return this.tokens.pair(this.tokens.checked(body)); }

  @Post("refresh") @ApiCreatedResponse({ type: PairDto })
  refresh(@Body() body: RefreshDto) { return this.tokens.rotated(body.refreshToken); }
}

@ApiTags("auth")
@Controller("auth")
class CookieController {
  constructor(private readonly tokens: Tokens) {}

  private answer(response: any, { accessToken, refreshToken }: PairDto): AccessDto {
    response.cookie("refresh_token", refreshToken, { httpOnly: true, path: "/auth" });
    return { accessToken };
  }

  @Post("login") @ApiCreatedResponse({ type: AccessDto })
  login(@Body() body: LoginDto, @Res({ passthrough: true }) response: any) {
    return this.answer(response, this.tokens.pair(this.tokens.checked(body)));
  }

  @Post("refresh") @ApiCreatedResponse({ type: AccessDto })
  refresh(@Req() request: any, @Res({ passthrough: true }) response: any) {
    return this.answer(response, this.tokens.rotated(request.cookies.refresh_token ?? ""));
  }
}

@ApiTags("users")
@Controller()
class MeController {
  @Get("me") @UseGuards(AuthGuard) @ApiBearerAuth() @ApiOkResponse({ type: MeDto })
  me(@Req() request: any): MeDto { return { username: request.user.sub }; }
}

@Module({
  imports: [JwtModule.register({ secret: "n".repeat(40) })],
  providers: [Tokens],
  controllers: [MeController, process.argv[2] === "cookie" ? CookieController : PairController],
})
class AppModule {}

async function serve() {
  const app = await NestFactory.create(AppModule, { logger: false });
  const counts: Record<string, number> = {};
  app.use((request: any, response: any, next: () => void) => {
    if (request.path === "/__ledger") return response.json(counts);
    if (request.path === "/__clock") { ahead += Number(request.query.seconds); return response.json({}); }
    response.setHeader("Date", new Date(Date.now()).toUTCString());
    response.on("finish", () => {
      const entry = `${request.method} ${request.path} ${response.statusCode}`;
      counts[entry] = (counts[entry] ?? 0) + 1;
    });
    next();
  });
  app.use(cookieParser());
  const document = SwaggerModule.createDocument(app, new DocumentBuilder().setTitle("shop").addBearerAuth().build());
  SwaggerModule.setup("docs", app, document, { jsonDocumentUrl: "openapi.json" });
  await app.listen(0, "127.0.0.1");
  console.log(`listening on http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`);
}

void serve();
